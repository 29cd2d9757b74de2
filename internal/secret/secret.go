// Package secret holds values that must not be printed. Every printed, logged or JSON form is a placeholder; only
// Reveal gives the value, so that each use can be found.
package secret

import (
	"fmt"
	"log/slog"
)

const placeholder = "(secret)"

// String is a secret text. The zero value is an empty secret. The text lies behind a pointer: package fmt asks no method of a value in an
// unexported field, and prints what is in it.
type String struct{ value *string }

// New wraps a value.
func New(value string) String { return String{&value} }

// Reveal returns the value. Call it only where the value leaves for its destination.
func (s String) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Empty says whether there is no value.
func (s String) Empty() bool { return s.Reveal() == "" }

func (s String) String() string               { return placeholder }
func (s String) GoString() string             { return placeholder }
func (s String) Format(f fmt.State, _ rune)   { fmt.Fprint(f, placeholder) }
func (s String) LogValue() slog.Value         { return slog.StringValue(placeholder) }
func (s String) MarshalText() ([]byte, error) { return []byte(placeholder), nil }
