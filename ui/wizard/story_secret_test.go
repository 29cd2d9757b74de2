package wizard

import (
	"encoding/json"
	"strings"
	"testing"

	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/ui/wizard/internal/fixture"
)

const canary = "canary-of-a-token"

func TestASecretIsPastedAndNeverDrawn(t *testing.T) {
	for _, size := range [][2]int{{60, 20}, {80, 24}, {120, 40}} {
		d := live(t, fixture.Secret)
		d.size(size[0], size[1])
		d.expect("paste it, hidden; enter alone")
		d.paste(canary + "\n").expectNot("canary").expect("****************▏").expectNoAnswer()
		d.press("esc").expectNot("canary") // the field has not the cursor any more
		d.press("esc").text("-typed").press("backspace", "?", "p").expectNot("canary", "Asks whether")
		d.press("enter").expectNot("canary")
		got := d.answers()
		if len(got) != 1 || strings.TrimSpace(got[0].Text+got[0].Choice) != "" || strings.Fields(got[0].Hidden.Reveal())[0] != canary || !strings.HasSuffix(got[0].Hidden.Reveal(), "-type?p") {
			t.Fatalf("%d answers", len(got))
		}
		step := d.root.view.Question.Step
		d.feed(wire.Event{Seq: 1000, At: d.clock.Now(), Kind: wire.KindAnswer, Step: step, Answer: got[0].Shown()})
		d.press("l").expectNot("canary").expect("given, and not")
		view, err := json.Marshal(d.root.view)
		if err != nil || strings.Contains(string(view), "canary") {
			t.Errorf("the view holds the secret (%v)", err)
		}
		if strings.Contains(d.out.String(), "canary") {
			t.Error("the terminal was sent the secret")
		}
	}
}

func TestEnterAloneAtASecret(t *testing.T) {
	d := live(t, fixture.Secret)
	d.expect("paste it, hidden; enter alone: log in another way").press("enter")
	got := d.answers()
	if len(got) != 1 || !got[0].Hidden.Empty() || got[0].Text != "" {
		t.Errorf("answers: %+v", got)
	}
}

// A token is longer than a line of text may be.
func TestALongSecretIsWhole(t *testing.T) {
	d, long := live(t, fixture.Secret), strings.Repeat("x", 20000)
	d.paste(long).press("enter")
	if got := d.answers(); len(got) != 1 || got[0].Hidden.Reveal() != long {
		t.Errorf("%d answers, %d letters", len(got), len(got[0].Hidden.Reveal()))
	}
}

// What is refused leaves nothing of it in the field of the question that is put next.
func TestASecretThatIsRefused(t *testing.T) {
	d := live(t, fixture.Secret)
	d.paste(canary).press("enter")
	q := *d.root.view.Question
	step := q.Step
	d.feed(wire.Event{Seq: 1000, At: d.clock.Now(), Kind: wire.KindAnswer, Step: step, Answer: &wire.Answer{Question: q.ID}})
	q.ID, q.Text = "q9", "The token was not taken: it has ended."
	d.feed(wire.Event{Seq: 1001, At: d.clock.Now(), Kind: wire.KindAsk, Step: step, Question: &q})
	d.expect("it has ended").expectNot("***", "canary")
	if d.root.ask.field.value() != "" {
		t.Error("the field still holds it")
	}
}
