package svapp

import (
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// misfit is an answer that does not have the shape it must have. It names places and types, never values.
type misfit struct{ place, seen string }

func (m *misfit) Error() string {
	if m.place == "" {
		return m.seen
	}
	return m.place + " " + m.seen
}

// decode fills a struct from an object in JSON. Fields without omitempty must be there and not null; what is optional may be null or
// absent alike; what the struct does not know is passed over (reference/apis.md 1). Names fit in their case, and numbers are not rounded:
// whole ones go to int64, amounts are texts. An object that ends early answers io.ErrUnexpectedEOF.
func decode(body []byte, into any) error {
	if !json.Valid(body) {
		if err := json.Unmarshal(body, new(json.RawMessage)); err != nil && strings.Contains(err.Error(), "unexpected end") {
			return io.ErrUnexpectedEOF
		}
		return &misfit{"", "the answer is no JSON"}
	}
	return fill("", body, reflect.ValueOf(into).Elem())
}

func fill(place string, raw json.RawMessage, v reflect.Value) error {
	if u, ok := v.Addr().Interface().(json.Unmarshaler); ok {
		if err := u.UnmarshalJSON(raw); err != nil {
			if m, ok := err.(*misfit); ok {
				return &misfit{strings.TrimPrefix(place+m.place, "."), m.seen}
			}
			return &misfit{place, "is not " + wanted(v)}
		}
		return nil
	}
	switch v.Kind() {
	case reflect.Pointer:
		if string(raw) == "null" {
			return nil
		}
		v.Set(reflect.New(v.Type().Elem()))
		return fill(place, raw, v.Elem())
	case reflect.Struct:
		return fillStruct(place, raw, v)
	case reflect.Slice:
		all, ok := elements(raw)
		if !ok {
			return &misfit{place, "is no list"}
		}
		v.Set(reflect.MakeSlice(v.Type(), len(all), len(all)))
		for i, one := range all {
			if err := fill(fmt.Sprintf("%s[%d]", place, i), one, v.Index(i)); err != nil {
				return err
			}
		}
		return nil
	}
	if string(raw) == "null" || json.Unmarshal(raw, v.Addr().Interface()) != nil {
		return &misfit{place, "is not " + wanted(v)}
	}
	return nil
}

func fillStruct(place string, raw json.RawMessage, v reflect.Value) error {
	fields, ok := fieldsOf(raw)
	if !ok {
		if place == "" {
			place = "the answer"
		}
		return &misfit{place, "is no object"}
	}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		at := strings.TrimPrefix(place+"."+name, ".")
		one, there := fields[name]
		switch {
		case there && string(one) != "null":
			if err := fill(at, one, v.Field(i)); err != nil {
				return err
			}
		case !strings.Contains(options, "omit"):
			return &misfit{at, "is missing"}
		}
	}
	return nil
}

// wanted is what a value of this type is in words.
func wanted(v reflect.Value) string {
	if v.Type() == reflect.TypeFor[Decimal]() {
		return "a decimal number as a text"
	}
	switch v.Kind() {
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int32, reflect.Int64:
		return "a whole number"
	case reflect.Struct: // the only ones that read themselves
		return "a time"
	}
	return "of the expected type"
}
