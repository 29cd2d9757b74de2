package engine

import "canton.example/svrescue/steps/wire"

// bound puts into a question that destroys what an answer written in advance must name. A path without Bound, or one that does not
// know its target yet, binds to the word alone, as a person's answer always is.
func (m *Machine[F]) bound(q wire.Question) wire.Question {
	if q.Kind == wire.AskWord {
		q.Bound = m.Bound()
	}
	return q
}

// Bound is what an answer written in advance must name in this run as far as it is known now, nil where nothing is. Call it from the
// machine's own goroutine, or when Run has returned.
func (m *Machine[F]) Bound() *wire.Bound {
	if m.Path.Bound == nil {
		return nil
	}
	b := m.Path.Bound(m.facts)
	if b.Target == "" && b.Backup == "" {
		return nil
	}
	return &b
}
