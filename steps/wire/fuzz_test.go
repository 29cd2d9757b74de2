package wire

import (
	"bufio"
	"bytes"
	"strings"
	"testing"
)

// FuzzReceiveAndFold: no bytes of a worker make a front end fail, and whatever events come of them can be folded and shown.
func FuzzReceiveAndFold(f *testing.F) {
	for _, seed := range []string{
		`{"seq":1,"kind":"run","run":{"id":"r","steps":[{"id":"a"}]}}` + "\n" + `{"seq":2,"kind":"step","step":"a","state":"running"}` + "\n" + `{"seq":3,"kind":"ask","step":"a","question":{"id":"q3","kind":"word","choices":[{"id":"yes"}]}}` + "\n" + `{"seq":4,"kind":"answer","step":"a","answer":{"question":"q3","choice":"yes","text":"x"}}`,
		`{"kind":"halt"}` + "\n" + `{"kind":"halt","text":"full","failure":{"tried":"a","seen":"b"}}`,
		`{"kind":"plan"}` + "\n" + `{"kind":"plan","step":"a","plan":{"actions":[{"key":"k"}]}}` + "\n" + `{"kind":"progress","step":"a","action":"k","progress":{"done":-1,"total":-5}}`,
		"null", "[]", `{"kind":7}`, strings.Repeat("[", 20000), "\x00\n\n",
	} {
		f.Add([]byte(seed + "\n"))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c := &Conn{in: bufio.NewScanner(bytes.NewReader(data))}
		c.in.Buffer(nil, MaxLine)
		v, last := View{Current: -1}, uint64(0)
		for range bytes.Count(data, []byte("\n")) + 1 {
			var e Event
			if c.Receive(&e) != nil {
				break
			}
			v = Fold(v, e)
			if v.Seq < last {
				t.Fatalf("the view went back from %d to %d", last, v.Seq)
			}
			last = v.Seq
			v.CurrentStep()
			v.Running()
			if v.Question != nil && v.Question.Accepts(Answer{}) == nil && v.Question.Kind != AskText {
				for _, choice := range v.Question.Choices {
					if choice.ID == "" { // what nobody has chosen answers only what offers nothing
						return
					}
				}
				t.Fatalf("an empty answer is taken by %+v", *v.Question)
			}
		}
	})
}
