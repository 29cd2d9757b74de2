package wire

import (
	"testing"
	"time"
)

// A retry is in the view until it is over, however it ends, and then among those that were.
func TestFoldOfARetry(t *testing.T) {
	at := time.Date(2026, 3, 1, 4, 10, 0, 0, time.UTC)
	retry := &Retry{Tried: "list pods", Seen: "503", Tries: 3, Since: at, Next: at.Add(time.Minute), Until: at.Add(10 * time.Minute)}
	during := FoldAll([]Event{{Seq: 1, Kind: KindRun, Run: &Run{}}, {Kind: KindRetry, At: at, Retry: retry}})
	if during.Retry == nil {
		t.Fatal("it is not in the view")
	}
	for name, over := range map[string]Event{
		"retried": {Seq: 2, Kind: KindRetried, Retry: &Retry{Outcome: RetrySpent}}, "ask": {Seq: 2, Kind: KindAsk, Question: &Question{}}, "park": {Seq: 2, Kind: KindPark},
		"resume": {Seq: 2, Kind: KindResume}, "end": {Seq: 2, Kind: KindEnd, End: &End{}}, "halt": {Kind: KindHalt, Failure: &Failure{}},
	} {
		over.At = at.Add(time.Minute)
		v := Fold(during, over)
		if v.Retry != nil || during.Retry == nil {
			t.Errorf("%s: %+v", name, v.Retry)
		}
		if (len(v.Retries) == 1) != (over.Kind == KindRetried) {
			t.Errorf("%s: %+v", name, v.Retries)
		}
	}
	if v := Fold(during, Event{Seq: 2, Kind: KindRetried}); v.Retry == nil || v.Seq != 1 {
		t.Error("an event without its payload counts")
	}
}

func TestWordsOfARetry(t *testing.T) {
	at := time.Date(2026, 3, 1, 4, 10, 0, 0, time.UTC)
	for n, want := range map[int]string{1: "2nd", 2: "3rd", 3: "4th", 9: "10th", 10: "11th", 11: "12th", 12: "13th", 20: "21st", 21: "22nd", 110: "111th"} {
		r := Retry{Tries: n, Since: at, Next: at.Add(11500 * time.Millisecond), Until: at.Add(10 * time.Minute)}
		if got := r.Heading(Run{}, at); got != "trying again in 12 s ("+want+" time since 04:10, until 04:20)" {
			t.Errorf("%d: %s", n, got)
		}
	}
	fast := Retry{Tries: 3, Since: at, Next: at.Add(4000 * time.Second), Until: at.Add(600000 * time.Second)}
	if got, want := fast.Heading(Run{Speed: 1000}, at), "trying again in 4 s of real time (4th time since 04:10, until 8 Mar 02:50, for 10 min more)"; got != want {
		t.Errorf("in a rehearsal at x1000: %s", got)
	}
	for d, want := range map[time.Duration]string{0: "0 s", 59 * time.Second: "59 s", 2 * time.Minute: "2 min", 125 * time.Second: "2 min 5 s", 3*time.Hour + time.Minute: "3 h 1 min"} {
		if got := inWords(d); got != want {
			t.Errorf("%s: %s", d, got)
		}
	}
}
