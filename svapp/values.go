package svapp

import (
	"encoding/json"
	"math/big"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"canton.example/svrescue/internal/plain"
)

// Decimal is a Daml Numeric 10 as the apps write it: a text with up to 28 digits before the point and 10 after it, exact. It is never a
// floating point number (reference/apis.md 1).
type Decimal string

var decimal = regexp.MustCompile(`^[+-]?[0-9]{1,28}(\.[0-9]{1,10})?$`)

// UnmarshalJSON takes a text of that form and nothing else.
func (d *Decimal) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) != nil || !decimal.MatchString(s) {
		return &misfit{"", "is not a decimal number as a text"}
	}
	*d = Decimal(s)
	return nil
}

// Rat is the exact value; 0 for the empty Decimal.
func (d Decimal) Rat() *big.Rat {
	r, ok := new(big.Rat).SetString(string(d))
	if !ok {
		return new(big.Rat)
	}
	return r
}

// damlInt is an int64 inside a Daml payload, which is a text there; a number is taken as well.
type damlInt int64

func (n *damlInt) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) != nil {
		s = string(b)
	}
	i, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return &misfit{"", "is not a whole number"}
	}
	*n = damlInt(i)
	return nil
}

// pairs is a Daml map: a list of pairs of a key and a value (reference/apis.md 1). The order is kept.
type pairs[T any] []pair[T]

type pair[T any] struct {
	Key   string
	Value T
}

func (p *pairs[T]) UnmarshalJSON(b []byte) error {
	all, ok := elements(b)
	if !ok {
		return &misfit{"", "is no list of pairs"}
	}
	for i, both := range all {
		at := "[" + strconv.Itoa(i) + "]"
		one, ok := elements(both)
		if !ok {
			return &misfit{"", "is no list of pairs"}
		}
		var next pair[T]
		if len(one) != 2 || json.Unmarshal(one[0], &next.Key) != nil {
			return &misfit{at, "is no pair of a name and a value"}
		}
		if err := fill(at, one[1], reflect.ValueOf(&next.Value).Elem()); err != nil {
			return err
		}
		*p = append(*p, next)
	}
	return nil
}

// lenient is a value whose shape was not verified: one of another shape counts as absent.
type lenient[T any] struct{ Value *T }

func (l *lenient[T]) UnmarshalJSON(b []byte) error {
	v := new(T)
	if fill("", b, reflect.ValueOf(v).Elem()) == nil {
		l.Value = v
	}
	return nil
}

// variant is a Daml variant (reference/apis.md 1).
type variant struct {
	Tag   string          `json:"tag"`
	Value json.RawMessage `json:"value,omitempty"`
}

// Contract is a contract as the apps tell it; what it says is its payload, in Daml's JSON.
type Contract struct {
	TemplateID string          `json:"template_id"`
	ContractID string          `json:"contract_id"`
	Payload    json.RawMessage `json:"payload"`
	CreatedAt  string          `json:"created_at"`
}

// Mentions says whether a text anywhere in the payload is word, or has it among its words. It is for words that nobody else uses, such as a
// tracking ID of our own: the fields of the payloads of offers and transfers were not verified (reference/apis.md 6.3).
func (c Contract) Mentions(word string) bool {
	var payload any
	return word != "" && json.Unmarshal(c.Payload, &payload) == nil && mentions(payload, word)
}

func mentions(in any, word string) bool {
	switch v := in.(type) {
	case string:
		return v == word || slices.Contains(strings.Fields(v), word)
	case []any:
		return slices.ContainsFunc(v, func(one any) bool { return mentions(one, word) })
	case map[string]any:
		for _, one := range v {
			if mentions(one, word) {
				return true
			}
		}
	}
	return false
}

// stamp writes a time as the apps read it: UTC, at most microseconds, ending in Z. An offset would be misread in a query
// (reference/apis.md 3.1).
func stamp(t time.Time) string {
	return t.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano)
}

// segment writes an identifier as a part of a path, its "::" escaped as well (reference/apis.md 1).
func segment(s string) string { return strings.ReplaceAll(url.PathEscape(s), ":", "%3A") }

// cleaned takes out of what names a contract all that a screen could misread. The payload stays as it came.
func (c Contract) cleaned() Contract {
	c.TemplateID, c.ContractID, c.CreatedAt = plain.Line(c.TemplateID), plain.Line(c.ContractID), plain.Line(c.CreatedAt)
	return c
}

func cleanedContracts(all []Contract) []Contract {
	for i := range all {
		all[i] = all[i].cleaned()
	}
	return all
}
