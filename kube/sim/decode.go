package sim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	snapv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/client-go/kubernetes/scheme"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// jsonBody turns the body into JSON. Go clients send built-in kinds as protobuf, which the real server also takes.
func jsonBody(q *request, crd bool) ([]byte, error) {
	switch q.media {
	case "", "application/json":
		return q.body, nil
	case "application/yaml":
		b, err := yaml.YAMLToJSON(q.body)
		if err != nil {
			return nil, apierrors.NewBadRequest("error converting YAML to JSON: " + err.Error())
		}
		return b, nil
	case protobuf:
		if !crd {
			o, gvk, err := scheme.Codecs.UniversalDeserializer().Decode(q.body, nil, nil)
			if err != nil {
				return nil, apierrors.NewBadRequest(err.Error())
			}
			o.GetObjectKind().SetGroupVersionKind(*gvk)
			return json.Marshal(o)
		}
	}
	return nil, unsupported("application/json", "application/yaml", protobuf)
}

func unsupported(media ...string) error {
	return plainStatus(http.StatusUnsupportedMediaType, metav1.StatusReasonUnsupportedMediaType,
		"the body of the request was in an unknown format - accepted media types include: "+strings.Join(media, ", "))
}

// decode reads the body as an object of the resource r.
func decode(q *request, r *resource) (*object, error) {
	b, err := jsonBody(q, r.crd)
	if err != nil {
		return nil, err
	}
	return parseObject(b, r, q.query.Get("fieldValidation"))
}

// parseObject reads JSON as an object of r: built-in kinds pass through their Go type, which drops unknown fields and
// brings quantities and numbers into the form in which the real server returns them.
func parseObject(b []byte, r *resource, strictness string) (*object, error) {
	o := &object{}
	if err := kjson.UnmarshalCaseSensitivePreserveInts(b, &o.Object); err != nil {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("couldn't get version/kind; json parse error: %v", err))
	}
	if o.Object == nil {
		o.Object = map[string]any{}
	}
	if o.GetKind() == "" && o.GetAPIVersion() == "" {
		o.SetGroupVersionKind(r.gvk())
	}
	if got := o.GroupVersionKind(); got != r.gvk() {
		return nil, wrongKind(r, got)
	}
	t := r.typed()
	if t == nil {
		if _, ok := o.Object["metadata"].(map[string]any); !ok {
			o.Object["metadata"] = map[string]any{}
		}
		if err := fitsSchema(r, o); err != nil {
			return nil, err
		}
		return o, nil
	}
	strict, err := kjson.UnmarshalStrict(b, t)
	if err == nil && len(strict) > 0 && strictness == metav1.FieldValidationStrict {
		words := make([]string, len(strict))
		for i, e := range strict {
			words[i] = e.Error()
		}
		err = fmt.Errorf("strict decoding error: %s", strings.Join(words, ", "))
	}
	if err != nil {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("%s in version %q cannot be handled as a %s: %v", r.kind, r.version, r.kind, err))
	}
	return raw(r, t), nil
}

// fitsSchema refuses a custom resource whose fields have the wrong types.
func fitsSchema(r *resource, o *object) error {
	var into any = &snapv1.VolumeSnapshot{}
	switch r {
	case rContent:
		into = &snapv1.VolumeSnapshotContent{}
	case rSnapClass:
		into = &snapv1.VolumeSnapshotClass{}
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, into); err != nil {
		return invalid(r, o.GetName(), field.ErrorList{field.Invalid(field.NewPath(""), o.GetName(), err.Error())})
	}
	return nil
}

func wrongKind(r *resource, got schema.GroupVersionKind) error {
	return apierrors.NewBadRequest(fmt.Sprintf(
		"the API version in the data (%s) does not match the expected API version (%s)", got.GroupVersion(), r.apiVersion()))
}

// decodeInto reads a body that is no object of the table (Scale, DeleteOptions) into out. An empty body leaves out alone.
func decodeInto(q *request, out any) error {
	if len(q.body) == 0 {
		return nil
	}
	b, err := jsonBody(q, false)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, out); err != nil {
		return apierrors.NewBadRequest(err.Error())
	}
	return nil
}

// dryRunAll reads the dryRun parameter; anything but All is invalid.
func dryRunAll(values []string) (bool, error) {
	for _, v := range values {
		if v != metav1.DryRunAll {
			return false, apierrors.NewInvalid(schema.GroupKind{Group: "meta.k8s.io", Kind: "CreateOptions"}, "",
				notSupported("dryRun", v, metav1.DryRunAll))
		}
	}
	return len(values) > 0, nil
}

// bodyDryRun tells whether a delete asks for a dry run in its body, where Go clients put it.
func bodyDryRun(q *request) bool {
	if !strings.HasPrefix(q.verb, "delete") {
		return false
	}
	var o metav1.DeleteOptions
	return decodeInto(q, &o) == nil && len(o.DryRun) > 0
}
