package kube

import (
	"context"
	"encoding/json"

	"sigs.k8s.io/yaml"
)

// Manifest answers an object as YAML, without managedFields and otherwise as the server has it: a secret with its values, so whoever
// stores it makes the file 0600. Only the place of a is used, not its verb. An object that is not there is an *Error of kind NotFound.
func (c *Cluster) Manifest(ctx context.Context, a Access) ([]byte, error) {
	a.Verb = "get"
	if a.Name == "" {
		return nil, &Error{Kind: Invalid, Tried: a.sentence(), Seen: "no name", Next: "report this as a defect of the program", Access: &a}
	}
	path, err := c.path(ctx, a)
	if err != nil {
		return nil, err
	}
	body, err := raw(ctx, c.kube.CoreV1().RESTClient().Get().AbsPath(path))
	if err != nil {
		return nil, failed(a, err)
	}
	return toYAML(a, body)
}

func toYAML(a Access, body []byte) ([]byte, error) {
	broken := func(err error) error {
		return &Error{Kind: Server, Tried: a.sentence(), Seen: "an answer that is not an object: " + clean(err.Error(), 100), Access: &a,
			Next: next(Server, &a, nil), err: err}
	}
	// RawMessage keeps numbers byte for byte.
	var o map[string]json.RawMessage
	if err := json.Unmarshal(body, &o); err != nil {
		return nil, broken(err)
	}
	var meta map[string]json.RawMessage
	if err := json.Unmarshal(o["metadata"], &meta); err != nil {
		return nil, broken(err)
	}
	delete(meta, "managedFields")
	m, err := json.Marshal(meta)
	if err != nil {
		return nil, broken(err)
	}
	o["metadata"] = m
	all, err := json.Marshal(o)
	if err != nil {
		return nil, broken(err)
	}
	y, err := yaml.JSONToYAML(all)
	if err != nil {
		return nil, broken(err)
	}
	return y, nil
}
