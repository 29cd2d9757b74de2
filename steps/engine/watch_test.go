package engine

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"canton.example/svrescue/steps/wire"
)

// A front end that only watches, or that is of another version, is shown everything and heard in nothing; it is told why.
func TestWhoOnlyLooksIsNotHeard(t *testing.T) {
	for name, c := range map[string]struct {
		front wire.Hello
		why   string // empty: it is heard
	}{
		"the same":        {wire.Hello{Binary: "v1"}, ""},
		"watches":         {wire.Hello{Binary: "v1", Watch: true}, "this screen only watches"},
		"another version": {wire.Hello{Binary: "v2"}, "the worker of this run is svrescue v1 and this is v2, so this screen only watches"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hub := NewHub([]wire.Event{{Seq: 1, Kind: wire.KindNote, Text: "the past"}})
				var heard []wire.Message
				near, far := net.Pipe()
				go ServeConn(t.Context(), far, hub, wire.Hello{Binary: "v1"}, func(_ context.Context, m wire.Message) error {
					heard = append(heard, m)
					return nil
				})
				client, err := Connect(near, c.front)
				if err != nil {
					t.Fatal(err)
				}
				if client.Watching() != c.why {
					t.Errorf("the front end knows %q, want %q", client.Watching(), c.why)
				}
				for _, kind := range []wire.MessageKind{wire.SayAnswer, wire.SayNote, wire.SayPark} {
					go client.Send(wire.Message{Kind: kind, Answer: &wire.Answer{Question: "q1", Choice: wire.ChoiceYes}, Text: "x"})
				}
				var seen []wire.Event
				go func() {
					for e := range client.Events() {
						seen = append(seen, e)
					}
				}()
				synctest.Wait()
				if (len(heard) == 3) != (c.why == "") || c.why != "" && len(heard) > 0 {
					t.Errorf("heard %+v", heard)
				}
				refused := 0
				for _, e := range seen {
					if e.Kind == wire.KindRefusal && strings.Contains(e.Text, c.why) {
						refused++
					}
				}
				if c.why != "" && refused != 3 {
					t.Errorf("%d of 3 messages were refused: %+v", refused, seen)
				}
				if !slices.ContainsFunc(seen, func(e wire.Event) bool { return e.Text == "the past" }) {
					t.Errorf("saw %+v", seen)
				}
				client.Close()
				hub.Close()
				synctest.Wait()
			})
		})
	}
}

// FuzzMessages: no bytes of a front end make the worker fail, and what it hears is a message that was sent whole, as one of the kinds
// there are or one that the machine ignores; whoever only watches is never heard.
func FuzzMessages(f *testing.F) {
	for _, seed := range []string{
		`{"wire":1,"binary":"v1"}` + "\n" + `{"kind":"answer","answer":{"question":"q1","choice":"yes","hash":"h"},"by":"a"}` + "\n",
		`{"wire":1,"binary":"v1","watch":true}` + "\n" + `{"kind":"park"}` + "\n",
		`{"wire":1,"binary":"v1"}` + "\n{\"kind\":\"note\",\"text\":\"\\u0000\"}\n{",
		`{"wire":2,"binary":"v1"}` + "\n" + `{"kind":"park"}` + "\n", "\n\n", "null\nnull\n", `{"wire":1}` + "\n" + `{"answer":[]}` + "\n", "\xff\n",
		`{"wire":1,"binary":"v1"}` + "\n" + `{"kind":"answer"}` + "\n" + strings.Repeat("x", 70000) + "\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if wire.Version != 1 {
			t.Skip("the seeds speak version 1")
		}
		near, far := net.Pipe()
		hub, heard := NewHub(nil), &atomic.Int32{} // the last may be heard when the connection is over
		served := make(chan struct{})
		go func() {
			defer close(served)
			ServeConn(t.Context(), far, hub, wire.Hello{Binary: "v1"}, func(_ context.Context, m wire.Message) error {
				heard.Add(1)
				q := wire.Question{ID: "q1", Kind: wire.AskWord, Word: "a/b", Hash: "h", Choices: []wire.Choice{{ID: wire.ChoiceYes}}}
				if m.Answer != nil && q.Accepts(*m.Answer) == nil && !strings.Contains(string(data), "a/b") {
					t.Errorf("%+v was taken for the word", *m.Answer)
				}
				return nil
			})
		}()
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			buffer := make([]byte, 4096)
			for {
				if _, err := near.Read(buffer); err != nil {
					return
				}
			}
		}()
		near.Write(data)
		near.Close()
		<-served
		<-gone
		hub.Close()
		first, rest, _ := strings.Cut(string(data), "\n")
		if lines, n := strings.Count(rest, "\n"), int(heard.Load()); n > lines+1 || n > 0 && (strings.Contains(first, "true") || !strings.Contains(first, "v1")) {
			t.Errorf("%d messages were heard in %q", n, data)
		}
	})
}
