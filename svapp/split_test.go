package svapp

import (
	"encoding/json"
	"reflect"
	"testing"
)

// Splitting says of each valid document what encoding/json says.
func FuzzSplit(f *testing.F) {
	for _, text := range []string{`{}`, `[]`, `null`, ` null`, ` {"a" : 1 , "b\u0022\\":[1,2,{"x":"]}\\\""}],"a":-1.5e3}`, "[ \"a,b\" ,[ ], {\"k\":null},true\n,\tfalse]", `"text"`, `1`, `{"":{"":[[]]}}`, "{\"bad\xff\":1}"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if !json.Valid(text) {
			return
		}
		var object map[string]json.RawMessage
		isObject := json.Unmarshal(text, &object) == nil && object != nil
		if got, ok := fieldsOf(text); ok != isObject || ok && !reflect.DeepEqual(got, object) {
			t.Errorf("%q: fields %q, %v; want %q, %v", text, got, ok, object, isObject)
		}
		var list []json.RawMessage
		isList := json.Unmarshal(text, &list) == nil
		got, ok := elements(text)
		if ok != isList || len(got) != len(list) {
			t.Fatalf("%q: elements %q, %v; want %q, %v", text, got, ok, list, isList)
		}
		for i := range got {
			if string(got[i]) != string(list[i]) {
				t.Errorf("%q: element %d is %q; want %q", text, i, got[i], list[i])
			}
		}
	})
}
