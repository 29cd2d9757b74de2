package wizard

import (
	"canton.example/svrescue/steps/wire"
)

// retrying is what failed and is tried again by itself, nil where nothing is.
func (r *root) retrying() *wire.Retry {
	if r.over() || r.view.Run.ID == "" {
		return nil
	}
	return r.view.Retry
}

// retryLines stand below the step, whichever is on screen: when it is tried again and until when, and what was seen.
func (r *root) retryLines(w int) []string {
	retry := r.retrying()
	if retry == nil {
		return nil
	}
	var lines []string
	for _, l := range clampLines(r, r.t.Wrap(sentence(retry.Heading(r.view.Run, r.now())), w), 2, w) {
		lines = append(lines, r.t.Attention.Render(l))
	}
	return append(lines, clampLines(r, r.t.Wrap(retry.What(), w), 3, w)...)
}

// canHurry says that somebody here may decide about what is tried again.
func (r *root) canHurry() bool {
	return r.retrying() != nil && r.link.state == linked && r.link.watching == "" && !r.layout.tooSmall
}
