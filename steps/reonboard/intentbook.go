package reonboard

import (
	"context"
	"errors"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/reonboard/payment"
)

// intentKey is the key of the ConfigMap under which the intent stands (docs/formats.md).
const intentKey = "intent.json"

// intentBook keeps the intent of payments in a ConfigMap, changed only by who has read it last.
type intentBook struct {
	cluster         *kube.Cluster
	hands           *kube.Hands // nil: it is only read
	namespace, name string
	from, to        string // parties, which the intent must be of
	plan            string // hash of the plan that was shown; "": any
	read            kube.ConfigMap
}

var _ payment.Book = (*intentBook)(nil)

func (b *intentBook) Load(ctx context.Context) (payment.Intent, string, bool, error) {
	m, found, err := b.cluster.ConfigMap(ctx, b.namespace, b.name)
	if err != nil || !found {
		return payment.Intent{}, "", false, err
	}
	b.read = m
	in, err := payment.Decode(m.Data[intentKey])
	if err == nil && (in.From != b.from || in.To != b.to) {
		err = errors.New("it is about other parties")
	}
	if err == nil && b.plan != "" && in.Hash != b.plan {
		err = errors.New("it holds another plan than the one that was shown, stored by run " + in.Made.Run)
	}
	if err != nil {
		return payment.Intent{}, "", false, &steps.Problem{Tried: "reading the stored payments from configmap " + b.namespace + "/" + b.name, Seen: err.Error(), Err: err,
			Next: "Nothing is paid by it. Find out who changed it, and put it back as it was; its managedFields name who wrote it last"}
	}
	return in, m.ResourceVersion, true, nil
}

func (b *intentBook) Save(ctx context.Context, in payment.Intent, version string) error {
	data := map[string]string{intentKey: in.Encode()}
	var err error
	if version == "" {
		_, err = b.hands.CreateConfigMap(ctx, intentMap(b.namespace, b.name, in))
	} else {
		was := b.read
		was.ResourceVersion = version
		_, err = b.hands.UpdateConfigMap(ctx, was, data)
	}
	switch kube.KindOf(err) {
	case kube.Conflict, kube.AlreadyExists, kube.NotFound:
		return errors.Join(payment.ErrChanged, err)
	}
	return err
}

// intentMap is the ConfigMap of an intent.
func intentMap(namespace, name string, in payment.Intent) kube.ConfigMap {
	return kube.ConfigMap{Meta: kube.Meta{Namespace: namespace, Name: name, Labels: map[string]string{"app.kubernetes.io/managed-by": "svrescue"}},
		Data: map[string]string{intentKey: in.Encode()}}
}
