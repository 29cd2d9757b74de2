// Package card is the parameter card of a call: the values that all SVs of a network must use alike, with a fingerprint that can be read out. It is
// pure. A card is shown on every screen after it was made, copied into the chat of the call, and read back from there.
package card

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"canton.example/svrescue/internal/plain"
)

// Version is that of the text and of the fingerprint: a card of another version has another fingerprint.
const Version = 1

// Card is what was agreed. Its zero value is empty.
type Card struct {
	// Purpose says what is agreed on and for which network: "network recovery of MainNet". It is part of the fingerprint.
	Purpose string  `json:"purpose"`
	Values  []Value `json:"values"` // in the order in which they are shown
}

// Value is one agreed value.
type Value struct {
	Name string `json:"name"` // "upgrade time": lower case, without a colon, unique in the card
	Text string `json:"text"`
}

// Stamp is how a card writes a time: UTC, with as many digits of the second as it has, at most six.
func Stamp(t time.Time) string { return t.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano) }

// Value is the text of a value; empty: the card has none of that name.
func (c Card) Value(name string) string {
	for _, v := range c.Values {
		if v.Name == name {
			return v.Text
		}
	}
	return ""
}

// Fingerprint is nine digits, which can be read out on a call in any language. Cards with the same purpose and the same values have the same,
// in whatever order the values stand.
func (c Card) Fingerprint() string {
	lines := make([]string, 0, len(c.Values))
	for _, v := range c.Values {
		lines = append(lines, fmt.Sprintf("%d %s %d %s\n", len(v.Name), v.Name, len(v.Text), v.Text))
	}
	slices.Sort(lines)
	h := sha256.New()
	fmt.Fprintf(h, "card %d\n%d %s\n%s", Version, len(c.Purpose), c.Purpose, strings.Join(lines, ""))
	n := binary.BigEndian.Uint64(h.Sum(nil)) % 1e9
	return fmt.Sprintf("%03d-%03d-%03d", n/1e6, n/1e3%1e3, n%1e3)
}

const (
	first = "svrescue parameter card"
	last  = "fingerprint"
)

// Text is the card for the chat of the call. Parse reads it back.
func (c Card) Text() string {
	width := len(last)
	for _, v := range c.Values {
		width = max(width, utf8.RuneCountInString(v.Name))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d: %s\n", first, Version, c.Purpose)
	for _, v := range c.Values {
		fmt.Fprintf(&b, "%s:%s %s\n", v.Name, strings.Repeat(" ", width-utf8.RuneCountInString(v.Name)), v.Text)
	}
	fmt.Fprintf(&b, "%s:%s %s\n", last, strings.Repeat(" ", width-len(last)), c.Fingerprint())
	return b.String()
}

// maxText is more than any chat message with a card has.
const maxText = 64 << 10

// Parse finds a card in what was pasted from a chat: quoted, indented or bulleted, with other lines around it. The error is a sentence: no card,
// one that was cut, or one that was changed on its way.
func Parse(text string) (Card, error) {
	if len(text) > maxText {
		return Card{}, errors.New("that is too much text for a card: paste the message that holds it")
	}
	var c Card
	begun := false
	for line := range strings.Lines(text) {
		line = bare(line)
		if !begun {
			head, purpose, ok := strings.Cut(line, ":")
			version, is := strings.CutPrefix(head, first+" ")
			if !ok || !is {
				continue
			}
			if version != fmt.Sprint(Version) {
				return Card{}, fmt.Errorf("the card is of version %s, and this program reads version %d: use the same release of svrescue, or compare value by value", plain.Line(version), Version)
			}
			begun, c.Purpose = true, strings.TrimSpace(purpose)
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		switch {
		case line == "":
			continue
		case !ok || name == "":
			return Card{}, fmt.Errorf("the line %q of the card is no value: paste it as it was sent", plain.Line(line))
		case name == last && len(value) < len(c.Fingerprint()):
			return Card{}, errCut
		case name == last && value != c.Fingerprint():
			return Card{}, fmt.Errorf("the card says that its fingerprint is %s, and its values have %s: it was changed on its way, so have it sent again", plain.Line(value), c.Fingerprint())
		case name == last:
			return c, nil
		case c.Value(name) != "":
			return Card{}, fmt.Errorf("the card has two values for %s", plain.Line(name))
		case value == "":
			return Card{}, fmt.Errorf("the card has no value for %s", plain.Line(name))
		}
		c.Values = append(c.Values, Value{name, value})
	}
	if begun {
		return Card{}, errCut
	}
	return Card{}, errors.New("no parameter card was found in it: it begins with \"" + first + "\"")
}

var errCut = errors.New("the card ends without its fingerprint: it was cut, so have it sent again")

// bare is a line without what chats put before and after it.
func bare(line string) string {
	line = strings.TrimSpace(plain.Line(line))
	line = strings.TrimLeft(line, ">|*-•` \t")
	return strings.TrimSpace(strings.TrimRight(line, "` \t"))
}

// Check says why a card cannot be sent and read back as it is; nil: it can.
func (c Card) Check() error {
	if c.Purpose == "" || len(c.Values) == 0 {
		return errors.New("a card has a purpose and values")
	}
	back, err := Parse(c.Text())
	if err != nil {
		return err
	}
	if d := Compare(c, back); len(d) > 0 {
		return fmt.Errorf("%s cannot be written on a card", d[0].Name)
	}
	return nil
}

// Difference is a value that two cards have differently. Empty: that card does not have it.
type Difference struct {
	Name   string `json:"name"`
	Mine   string `json:"mine"`
	Theirs string `json:"theirs"`
}

// Compare tells in what two cards differ, in the order of mine.
func Compare(mine, theirs Card) []Difference {
	var all []Difference
	if mine.Purpose != theirs.Purpose {
		all = append(all, Difference{"purpose", mine.Purpose, theirs.Purpose})
	}
	for _, v := range mine.Values {
		if other := theirs.Value(v.Name); other != v.Text {
			all = append(all, Difference{v.Name, v.Text, other})
		}
	}
	for _, v := range theirs.Values {
		if mine.Value(v.Name) == "" {
			all = append(all, Difference{v.Name, "", v.Text})
		}
	}
	return all
}
