package action

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// SecretFromFile puts an artifact of the run into a Secret. Neither what is in it nor anything made of it is shown, but for its SHA-256.
type SecretFromFile struct {
	Where           kube.Where
	Namespace, Name string
	Field           string // of the value in the Secret
	File            string // artifact
	SHA256          string // of the artifact as it was proven
	Run             string
	What            string // "the identities of the lost participant"
}

func (s SecretFromFile) Key() string         { return "make secret " + s.Name }
func (s SecretFromFile) Effect() wire.Effect { return wire.Repeatable }
func (s SecretFromFile) Refs() []steps.Ref {
	return steps.KubeRefs(kube.AccessCreateSecret(s.Namespace, s.Name)...)
}

func (s SecretFromFile) Show() wire.Preview {
	return wire.Preview{Title: s.Key() + " in namespace " + s.Namespace, Before: "no Secret of that name", After: s.What + " under the key " + s.Field + "; whoever may read Secrets in the namespace can read them",
		Commands: []string{kube.CommandSecretFiles(s.Where, s.Namespace, s.Name, map[string]string{s.Field: s.File})}}
}

func (s SecretFromFile) Trial(ctx context.Context, h steps.Hands) ([]wire.Finding, error) {
	spec, err := s.spec(h.World)
	if err != nil {
		return nil, err
	}
	if _, there, err := h.World.Kube.Namespace(ctx, s.Namespace); err == nil && !there {
		return []wire.Finding{{ID: s.Key(), Verdict: wire.Undetermined, Text: s.Key() + " can be tried only when namespace " + s.Namespace + " is there"}}, nil
	}
	state, _, err := s.Probe(ctx, h.World)
	if err != nil {
		return nil, err
	}
	if state == wire.ActionPending {
		if err := s.free(h.Kube.CreateSecret(ctx, spec)); err != nil {
			return nil, err
		}
	}
	return []wire.Finding{{ID: s.Key(), Verdict: wire.Holds, Text: "the server would " + s.Key()}}, nil
}

// Probe says done where the Secret holds just this, whoever made it.
func (s SecretFromFile) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	m, there, err := w.Kube.SecretMatches(ctx, s.Namespace, s.Name, s.Field, s.SHA256)
	source := "secret " + s.Namespace + "/" + s.Name
	switch {
	case err != nil:
		return wire.ActionUnknown, nil, err
	case !there:
		return wire.ActionPending, []wire.Evidence{{Source: source, Seen: "is not there"}}, nil
	case !m.Same:
		return wire.ActionPending, []wire.Evidence{{Source: source, Seen: "is there, with another content"}}, nil // Do refuses
	}
	return wire.ActionDone, []wire.Evidence{{Source: source, Seen: "holds it"}}, nil
}

func (s SecretFromFile) Do(ctx context.Context, h steps.Hands, _ func(wire.Progress)) error {
	spec, err := s.spec(h.World)
	if err != nil {
		return err
	}
	if state, _, err := s.Probe(ctx, h.World); err != nil || state == wire.ActionDone {
		return err
	}
	err = h.Kube.CreateSecret(ctx, spec)
	if kube.KindOf(err) == kube.AlreadyExists { // an answer was lost, or it is another's
		if state, _, again := s.Probe(ctx, h.World); again == nil && state == wire.ActionDone {
			return nil
		}
	}
	return s.free(err)
}

// free says what to do where another Secret has the name.
func (s SecretFromFile) free(err error) error {
	if kube.KindOf(err) == kube.AlreadyExists {
		return &steps.Problem{Tried: s.Key(), Seen: "there is a Secret of that name with another content", Err: err,
			Next: "It was not touched. Find out what it is of; if nothing needs it, remove it and try again: " + kube.CommandDeleteSecret(s.Where, s.Namespace, s.Name)}
	}
	return err
}

func (s SecretFromFile) spec(w steps.World) (kube.SecretSpec, error) {
	data, err := w.Files.Read(s.File)
	if err != nil {
		return kube.SecretSpec{}, &steps.Problem{Tried: "reading " + s.File + " of this run", Seen: "it is not there: the run may have been carried to this machine, which it is not", Err: err,
			Next: "Go back to the step that extracts it, with its source at hand"}
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != s.SHA256 {
		return kube.SecretSpec{}, &steps.Problem{Tried: "reading " + s.File + " of this run", Seen: "it is not the file that was proven: its checksum differs", Next: "Go back to the step that extracts it"}
	}
	return kube.SecretSpec{Namespace: s.Namespace, Name: s.Name, Annotations: map[string]string{MadeBy: s.Run}, Data: map[string]secret.String{s.Field: secret.New(string(data))}}, nil
}

// RemoveSecret deletes a Secret that this run has made. One of others is left alone.
type RemoveSecret struct {
	Where           kube.Where
	Namespace, Name string
	Run             string
}

func (r RemoveSecret) Key() string         { return "remove secret " + r.Name }
func (r RemoveSecret) Effect() wire.Effect { return wire.Repeatable } // it can be made again from where it came
func (r RemoveSecret) Refs() []steps.Ref {
	return steps.KubeRefs(kube.AccessDeleteSecret(r.Namespace, r.Name)...)
}

func (r RemoveSecret) Show() wire.Preview {
	return wire.Preview{Title: r.Key() + " from namespace " + r.Namespace, Before: "made by this run", After: "gone; one that another made is left alone",
		Commands: []string{kube.CommandDeleteSecret(r.Where, r.Namespace, r.Name)}}
}

func (r RemoveSecret) Trial(context.Context, steps.Hands) ([]wire.Finding, error) {
	return []wire.Finding{{ID: r.Key(), Verdict: wire.Undetermined, Text: r.Key() + " can be tried only when it is there"}}, nil
}

func (r RemoveSecret) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	m, there, err := w.Kube.SecretMatches(ctx, r.Namespace, r.Name, "", "")
	source := "secret " + r.Namespace + "/" + r.Name
	switch {
	case err != nil:
		return wire.ActionUnknown, nil, err
	case !there:
		return wire.ActionDone, []wire.Evidence{{Source: source, Seen: "is not there"}}, nil
	case m.Annotations[MadeBy] != r.Run:
		return wire.ActionDone, []wire.Evidence{{Source: source, Seen: "is not of this run, and stays"}}, nil
	}
	return wire.ActionPending, []wire.Evidence{{Source: source, Seen: "is there"}}, nil
}

func (r RemoveSecret) Do(ctx context.Context, h steps.Hands, _ func(wire.Progress)) error {
	m, there, err := h.World.Kube.SecretMatches(ctx, r.Namespace, r.Name, "", "")
	if err != nil || !there {
		return err
	}
	if m.Annotations[MadeBy] != r.Run {
		return nil
	}
	if err := h.Kube.DeleteSecret(ctx, r.Namespace, r.Name, m.UID); err != nil {
		return fmt.Errorf("%s: %w", r.Key(), err)
	}
	return nil
}
