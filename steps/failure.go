package steps

import (
	"errors"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
)

// Explained is an error that brings its own sentence.
type Explained interface{ Failure() wire.Failure }

// FailureOf turns any error into what was tried, what was seen and what to do next. trying is used where the error does
// not know it.
func FailureOf(trying string, err error) wire.Failure {
	var own Explained
	if errors.As(err, &own) {
		return own.Failure()
	}
	var waiting *StillWaiting
	if errors.As(err, &waiting) {
		next := waiting.Next
		if next == "" {
			next = "Wait longer, look at what is in the way, or do it by hand"
		}
		return wire.Failure{Tried: trying, Seen: plain.Line(waiting.Error()), Next: next, Detail: waiting.Detail}
	}
	var k *kube.Error
	if errors.As(err, &k) {
		return wire.Failure{Tried: k.Tried, Seen: k.Seen, Next: k.Next}
	}
	var a *svapp.Error
	if errors.As(err, &a) {
		return wire.Failure{Tried: a.Tried, Seen: a.Seen, Next: a.Next}
	}
	return wire.Failure{Tried: trying, Seen: plain.Line(err.Error())}
}

// IsTransient says whether what failed may work later without anybody doing anything.
func IsTransient(err error) bool {
	return kube.IsTransient(err) || svapp.IsTransient(err) && svapp.KindOf(err) != svapp.TooLate
}

// Problem is an error of a step, as a sentence.
type Problem struct {
	Tried, Seen, Next string
	Detail            []string
	Err               error
}

func (p *Problem) Error() string { return p.Failure().Error() }
func (p *Problem) Unwrap() error { return p.Err }
func (p *Problem) Failure() wire.Failure {
	return wire.Failure{Tried: p.Tried, Seen: plain.Line(p.Seen), Next: p.Next, Detail: p.Detail}
}
