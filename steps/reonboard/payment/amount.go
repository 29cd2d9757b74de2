package payment

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/shopspring/decimal"

	"canton.example/svrescue/internal/plain"
)

// places is how many digits a Daml Numeric 10 has after the point, whole how many before it (reference/apis.md 1).
const (
	places = 10
	whole  = 28
)

// Amount is a number of coins, exact. It is never a floating point number. The zero value is 0. A difference may be negative; a payment is not.
type Amount struct{ d decimal.Decimal }

var written = regexp.MustCompile(`^[0-9]{1,28}(\.[0-9]{1,10})?$`)

// Parse reads an amount as the apps and people write it: digits, and at most ten more after a point. A sign, an exponent, blanks and separators
// of thousands are refused: who means 1 and who means 1000 by "1,000" is not to be guessed.
func Parse(text string) (Amount, error) {
	if !written.MatchString(text) {
		return Amount{}, fmt.Errorf("%q is no amount: write digits, with at most %d before the point and %d after it, such as 1200.5", plain.Cut(plain.Line(text), 60), whole, places)
	}
	d, err := decimal.NewFromString(text)
	if err != nil {
		return Amount{}, fmt.Errorf("%q is no amount", plain.Cut(plain.Line(text), 60))
	}
	return Amount{d}, nil
}

// Coins is a whole number of coins.
func Coins(n int64) Amount { return Amount{decimal.NewFromInt(n)} }

// String is the amount as the apps write it, with all ten digits after the point: "1200.5000000000".
func (a Amount) String() string { return a.d.StringFixed(places) }

// Words is the amount as a person reads it, without zeros at its end: "1200.5".
func (a Amount) Words() string {
	s := strings.TrimRight(a.String(), "0")
	return strings.TrimSuffix(s, ".")
}

func (a Amount) Add(b Amount) Amount { return Amount{a.d.Add(b.d)} }
func (a Amount) Sub(b Amount) Amount { return Amount{a.d.Sub(b.d)} }
func (a Amount) Cmp(b Amount) int    { return a.d.Cmp(b.d) }

// Half is the half, rounded down to what can be paid.
func (a Amount) Half() Amount { return a.Share(2) }

// Share is the nth part, rounded down to what can be paid.
func (a Amount) Share(n int64) Amount {
	part, _ := a.d.QuoRem(decimal.NewFromInt(n), places)
	return Amount{part}
}

// Positive says whether it is more than nothing.
func (a Amount) Positive() bool { return a.d.IsPositive() }

// Payable says whether a wallet takes it: more than nothing, and a Daml Numeric 10.
func (a Amount) Payable() bool {
	return a.Positive() && written.MatchString(a.String()) && a.d.Equal(a.d.Truncate(places))
}

// Less is the smaller of two.
func Less(a, b Amount) Amount {
	if a.Cmp(b) <= 0 {
		return a
	}
	return b
}

// More is the bigger of two.
func More(a, b Amount) Amount {
	if a.Cmp(b) >= 0 {
		return a
	}
	return b
}

// Sum adds up.
func Sum(all ...Amount) Amount {
	var sum Amount
	for _, a := range all {
		sum = sum.Add(a)
	}
	return sum
}

func (a Amount) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

func (a *Amount) UnmarshalText(text []byte) error {
	read, err := Parse(string(text))
	if err == nil {
		*a = read
	}
	return err
}
