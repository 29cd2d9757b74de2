package payment

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	long := strings.Repeat("9", 28)
	for text, want := range map[string]string{
		"0": "0.0000000000", "1": "1.0000000000", "0.0000000001": "0.0000000001", "1200.5": "1200.5000000000", "007": "7.0000000000",
		long + ".9999999999": long + ".9999999999",
	} {
		a, err := Parse(text)
		if err != nil || a.String() != want {
			t.Errorf("%s: got %s, %v", text, a, err)
		}
	}
	for _, text := range []string{"", " 1", "1 ", "-1", "+1", "1e3", "1E-2", "1,000", "1.", ".5", "1.00000000001", "1" + long, "0x10", "NaN", "Inf", "1_000", "١", "1\n"} {
		if a, err := Parse(text); err == nil {
			t.Errorf("%q was read as %s", text, a)
		}
	}
}

func TestWords(t *testing.T) {
	for text, want := range map[string]string{"0": "0", "10": "10", "100.50": "100.5", "0.0000000001": "0.0000000001"} {
		if a := amount(t, text); a.Words() != want {
			t.Errorf("%s: got %s", text, a.Words())
		}
	}
	if d := amount(t, "1").Sub(amount(t, "2.5")); d.Words() != "-1.5" || d.Payable() {
		t.Errorf("a difference is %s, payable %v", d.Words(), d.Payable())
	}
}

// No digit is lost where a floating point number would lose it.
func TestExact(t *testing.T) {
	if s := amount(t, "9007199254740993.0000000001").Add(amount(t, "0.0000000001")).String(); s != "9007199254740993.0000000002" {
		t.Error(s)
	}
	if s := amount(t, "0.0000000003").Half().String(); s != "0.0000000001" {
		t.Error(s)
	}
	if s := amount(t, strings.Repeat("9", 28)+".9999999999").Share(3).String(); s != strings.Repeat("3", 28)+".3333333333" {
		t.Error(s)
	}
	if (Amount{}).Payable() || amount(t, "0.0000000000").Payable() || !amount(t, "0.0000000001").Payable() {
		t.Error("what can be paid is more than nothing")
	}
	if amount(t, strings.Repeat("9", 28)).Add(Coins(1)).Payable() {
		t.Error("29 digits can be paid")
	}
}

func TestAmountJSON(t *testing.T) {
	b, err := json.Marshal(amount(t, "1.5"))
	if err != nil || string(b) != `"1.5000000000"` {
		t.Fatalf("%s, %v", b, err)
	}
	var a Amount
	for _, bad := range []string{`1.5`, `"1.5e1"`, `"-1"`, `null_`} {
		if json.Unmarshal([]byte(bad), &a) == nil {
			t.Errorf("%s was read as %s", bad, a)
		}
	}
}

func amount(t *testing.T, text string) Amount {
	t.Helper()
	a, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
