package card

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func example() Card {
	return Card{Purpose: "network recovery of MainNet", Values: []Value{{"timestamp", "2026-01-11T08:15:00Z"}, {"margin", "15m"}, {"new migration ID", "4"}, {"chart version", "0.6.1"}}}
}

func TestFingerprint(t *testing.T) {
	c := example()
	if len(c.Fingerprint()) != 11 {
		t.Fatalf("the fingerprint is %q", c.Fingerprint())
	}
	turned := example()
	turned.Values[0], turned.Values[3] = turned.Values[3], turned.Values[0]
	if turned.Fingerprint() != c.Fingerprint() {
		t.Error("the order of the values changes the fingerprint")
	}
	for i := range c.Values {
		other := example()
		other.Values[i].Text += "0"
		if other.Fingerprint() == c.Fingerprint() {
			t.Errorf("another %s has the same fingerprint", c.Values[i].Name)
		}
	}
	other := example()
	other.Purpose = "network recovery of TestNet"
	if other.Fingerprint() == c.Fingerprint() {
		t.Error("another network has the same fingerprint")
	}
}

func TestReadBack(t *testing.T) {
	c := example()
	text := c.Text()
	quoted := "Alice: here it is\n> " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n> ") + "\nthanks\n"
	for name, text := range map[string]string{"as sent": text, "quoted": quoted, "with CRLF": strings.ReplaceAll(text, "\n", "\r\n"),
		"bulleted": "  * " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  * "), "in a block": "```\n" + text + "```", "with empty lines": strings.ReplaceAll(text, "\n", "\n\n")} {
		got, err := Parse(text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if d := cmp.Diff(c, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	if err := c.Check(); err != nil {
		t.Error(err)
	}
}

func TestWhatIsNoCard(t *testing.T) {
	text := example().Text()
	for name, c := range map[string]struct{ text, says string }{
		"nothing":             {"", "no parameter card"},
		"something else":      {"timestamp: 2026-01-11T08:15:00Z\n", "no parameter card"},
		"cut":                 {text[:len(text)-16], "it was cut"},
		"changed":             {strings.Replace(text, "08:15", "08:45", 1), "changed on its way"},
		"a newer one":         {strings.Replace(text, "card 1", "card 2", 1), "of version 2"},
		"a value twice":       {strings.Replace(text, "margin:", "timestamp:", 1), "two values for timestamp"},
		"a line that is none": {strings.Replace(text, "margin: ", "margin ", 1), "no value"},
		"too much":            {strings.Repeat("x", maxText+1), "too much"},
	} {
		if _, err := Parse(c.text); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, c := range []Card{{}, {Purpose: "x", Values: []Value{{"a:b", "c"}}}, {Purpose: "x", Values: []Value{{"fingerprint", "c"}}}, {Purpose: "x", Values: []Value{{"a", ""}}}} {
		if c.Check() == nil {
			t.Errorf("%+v is taken for a card", c)
		}
	}
}

func TestCompare(t *testing.T) {
	theirs := example()
	theirs.Values[0].Text = "2026-01-11T08:45:00Z"
	theirs.Values = append(theirs.Values[:3], Value{"protocol version", "34"})
	want := []Difference{{"timestamp", "2026-01-11T08:15:00Z", "2026-01-11T08:45:00Z"}, {"chart version", "0.6.1", ""}, {"protocol version", "", "34"}}
	if d := cmp.Diff(want, Compare(example(), theirs)); d != "" {
		t.Error(d)
	}
}

func TestStamp(t *testing.T) {
	at := time.Date(2026, 1, 11, 9, 15, 0, 120_000_900, time.FixedZone("CET", 3600))
	if got := Stamp(at); got != "2026-01-11T08:15:00.12Z" {
		t.Error(got)
	}
}

// What is read as a card can be sent again and is the same.
func FuzzParse(f *testing.F) {
	f.Add(example().Text())
	f.Add("> svrescue parameter card 1: x\n> a: b\n> fingerprint: 000-000-000\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(c.Text())
		if err != nil {
			t.Fatalf("%q: %v", c.Text(), err)
		}
		if d := cmp.Diff(c, again); d != "" {
			t.Error(d)
		}
	})
}
