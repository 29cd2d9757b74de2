package jsonwalk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"
)

func walk(text string, reader func(io.Reader) io.Reader) error {
	r := NewReader(reader(strings.NewReader(text)))
	if err := r.Skip(); err != nil {
		return err
	}
	return r.End()
}

func whole(r io.Reader) io.Reader { return r }

func TestWhatIsJSON(t *testing.T) {
	for _, c := range []struct {
		text string
		at   int64 // of the error; -1: there is none
		cut  bool
	}{
		{`{"a":[1,-0.5e+7,"x\u00e9\n",true,false,null,{}],"b":"ä€😀"}`, -1, false},
		{" \r\n\t[] ", -1, false},
		{"0", -1, false},
		{"12", -1, false},
		{`"` + strings.Repeat("0123456789abcde\\\"", 40000) + `"`, -1, false},
		{"", 0, true},
		{"[1,", 3, true},
		{`{"a":"b`, 7, true},
		{`{"a":tr`, 7, true},
		{"-", 1, true},
		{"1.", 2, true},
		{"01", 1, false},
		{"[1 2]", 3, false},
		{"[1,]", 3, false},
		{`{"a":1,}`, 7, false},
		{`{1:2}`, 1, false},
		{`{"a" 1}`, 5, false},
		{"nul1", 3, false},
		{"[] x", 3, false},
		{"\"a\tb\"", 2, false},
		{`"\x"`, 2, false},
		{`"\u12g4"`, 5, false},
		{"\"\xff\"", 1, false},
		{"\"\xe2\x82\"", 1, false},
		{"\"\xed\xa0\x80\"", 1, false},
		{strings.Repeat("[", maxDepth+1), maxDepth, false},
		{"\x00", 0, false},
	} {
		for name, reader := range map[string]func(io.Reader) io.Reader{"in one": whole, "byte by byte": iotest.OneByteReader, "with the end": iotest.DataErrReader} {
			err := walk(c.text, reader)
			var e *Error
			switch {
			case c.at < 0 && err != nil:
				t.Errorf("%.40q %s: %v", c.text, name, err)
			case c.at < 0:
			case !errors.As(err, &e):
				t.Errorf("%.40q %s: %v, want an error at %d", c.text, name, err, c.at)
			case e.Cut != c.cut || e.Offset != c.at && name != "byte by byte":
				t.Errorf("%.40q %s: at %d, cut %v: %v", c.text, name, e.Offset, e.Cut, e)
			}
		}
	}
}

// What is copied or kept is what stands there, byte by byte, and limits hold.
func TestValuesAreCopiedAsTheyStand(t *testing.T) {
	text := ` { "keep" : [ 1.50, 12345678901234567890 , "\u00e9\/" ] , "skip": {"a":{"a":1,"b":2}}, "raw":"x" , "long":"` + strings.Repeat("y", 3*window) + `"}`
	for _, reader := range []func(io.Reader) io.Reader{whole, iotest.OneByteReader} {
		r := NewReader(reader(strings.NewReader(text)))
		got := map[string]string{}
		var names []string
		err := r.Object(func(name string) error {
			names = append(names, name)
			switch name {
			case "keep", "long":
				var b bytes.Buffer
				err := r.CopyTo(&b)
				got[name] = b.String()
				return err
			case "raw":
				raw, err := r.Raw(3)
				got[name] = string(raw)
				return err
			}
			return r.Skip()
		})
		if err != nil || r.End() != nil {
			t.Fatal(err, r.End())
		}
		if strings.Join(names, " ") != "keep skip raw long" || got["keep"] != `[ 1.50, 12345678901234567890 , "\u00e9\/" ]` || got["raw"] != `"x"` || len(got["long"]) != 3*window+2 {
			t.Fatalf("%v: %.200q", names, got)
		}
	}
	r := NewReader(strings.NewReader(`["abcd"]`))
	if err := r.Array(func() error { _, err := r.Raw(5); return err }); !errors.Is(err, ErrTooLong) {
		t.Fatal(err)
	}
}

// A name that stands twice in one object is noticed at any depth, however it is written and however many there are.
func TestTwice(t *testing.T) {
	many := func(last string) string {
		var b strings.Builder
		for n := range 1000 {
			fmt.Fprintf(&b, `"name-%d":{"name-%d":[]},`, n, n)
		}
		return "{" + b.String() + last + "}"
	}
	for text, twice := range map[string]bool{
		`{"a":1,"a":2}`: true, `[{"b":{"a":1,"c":{"a":1},"a":2}}]`: true, `{"a":1,"\u0061":2}`: true, `{"a":{"a":1},"b":[{"a":1},{"a":1}]}`: false,
		many(`"name-7":0`): true, many(`"other":0`): false, `{"x":` + many(`"other":0`) + `,"y":0,"x":0}`: true, `{"":1,"":2}`: true,
	} {
		for name, reader := range map[string]func(io.Reader) io.Reader{"in one": whole, "byte by byte": iotest.OneByteReader} {
			for how, walked := range map[string]func(*Reader) error{"skipped": (*Reader).Skip, "walked": func(r *Reader) error {
				if kind, err := r.Kind(); err != nil || kind != Object {
					return r.Skip()
				}
				return r.Object(func(string) error { return r.Skip() })
			}} {
				if err := walked(NewReader(reader(strings.NewReader(text)))); (err != nil) != twice || twice && !strings.Contains(err.Error(), "twice") {
					t.Errorf("%.60s %s %s: %v", text, name, how, err)
				}
			}
		}
	}
}

// A value is copied while it is looked into, also at several depths at once.
func TestTee(t *testing.T) {
	text := `{"a": {"b":[1, {"c":"` + strings.Repeat("z", 2*window) + `"}] , "d":null}}`
	for _, reader := range []func(io.Reader) io.Reader{whole, iotest.OneByteReader} {
		var outer, inner bytes.Buffer
		var raw []byte
		r := NewReader(reader(strings.NewReader(text)))
		err := r.Object(func(string) error {
			return r.Tee(&outer, func() error {
				return r.Object(func(name string) error {
					if name == "b" {
						return r.CopyTo(&inner)
					}
					var err error
					raw, err = r.Raw(10)
					return err
				})
			})
		})
		b := `[1, {"c":"` + strings.Repeat("z", 2*window) + `"}]`
		if err != nil || outer.String() != `{"b":`+b+` , "d":null}` || inner.String() != b || string(raw) != "null" {
			t.Fatalf("%v: %d and %d bytes, %q", err, outer.Len(), inner.Len(), raw)
		}
	}
}

// An error tells the place and nothing of what stands there.
func TestErrorsKeepQuiet(t *testing.T) {
	const canary = "canary-of-a-private-key"
	for _, text := range []string{`{"` + canary + `" 1}`, `{"k":"` + canary + `` + "\x01" + `"}`, `{"k":"` + canary, `["` + canary + `" "` + canary + `"]`} {
		if err := walk(text, whole); err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%v", err)
		}
	}
}

// FuzzAgrees compares with the standard library: what one takes the other takes, but for text that is not UTF-8 and for depth.
func FuzzAgrees(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5e3,"x\u00e9"]}`, "", "[", "01", `"\ud800"`, "\"\xff\"", "[1,]", "nul", "-0", "1e", `{"a":1}x`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		err := walk(string(text), whole)
		if again := walk(string(text), iotest.HalfReader); (err == nil) != (again == nil) {
			t.Fatalf("%v, and in parts %v", err, again)
		}
		if bytes.Count(text, []byte("[")) > maxDepth || bytes.Count(text, []byte("{")) > maxDepth {
			return
		}
		if err != nil && strings.Contains(err.Error(), "twice") {
			return // which the standard library takes
		}
		if want := json.Valid(text) && utf8.Valid(text); (err == nil) != want {
			t.Fatalf("%v, the standard library says %v", err, want)
		}
		if err != nil {
			return
		}
		r, kept := NewReader(bytes.NewReader(text)), bytes.Buffer{}
		if err := r.CopyTo(&kept); err != nil || !bytes.Equal(kept.Bytes(), bytes.Trim(text, " \r\n\t")) {
			t.Fatalf("the copy is %q: %v", kept.Bytes(), err)
		}
	})
}

// BenchmarkSkip passes documents of one big string and of many short values, beside the standard library's check of the same.
func BenchmarkSkip(b *testing.B) {
	big := []byte(`{"a":"` + strings.Repeat("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo", 1<<20) + `"}`)
	short := []byte("[" + strings.Repeat(`{"id":12345,"name":"Acme-SV","ok":true,"parts":[1,2,3]},`, 1<<17) + "0]")
	for name, text := range map[string][]byte{"big": big, "short": short} {
		b.Run(name+"/walk", func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if err := NewReader(bytes.NewReader(text)).Skip(); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/standard", func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if !json.Valid(text) {
					b.Fatal("not valid")
				}
			}
		})
	}
}
