package wizard

import "strings"

// cardCopy offers the parameter card of the call to the clipboard, and shows the whole of it.
func (r *root) cardCopy() action {
	c := *r.view.Card
	text := harmlessText(c.Text)
	p := &pager{title: "Parameter card " + r.t.Clean(c.Fingerprint)}
	p.text = func(r *root, w int) []string {
		says := "Settled for this run. All operators must have the same."
		if !c.Frozen {
			says = "A proposal: it is not settled yet."
		}
		lines := append(r.t.Wrap(says, w), "")
		for _, l := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
			lines = append(lines, r.t.Hang(l, w, 2)...)
		}
		lines = append(lines, "")
		return append(lines, dimmed(r, r.t.Wrap("Sent to the terminal's clipboard, if it allows that; else copy it with the mouse. Paste it whole into "+
			"the chat of the call: svrescue reads it from there and compares.", w))...)
	}
	send := copyOut{text: text, what: "The card was"}
	p.extra = []binding{{[]string{"c"}, "copy again", "Sends the card to the terminal's clipboard, if it allows that.", true, func() action { return send }}}
	return both{push{p}, send}
}
