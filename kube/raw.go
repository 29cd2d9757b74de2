package kube

import (
	"context"
	"encoding/json"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// raw sends a request and answers its body as it came. An answer that is a Status of Kubernetes becomes the error that it tells of: client-go
// leaves it unread when the body is asked for, so that a 403 does not say who may not do what.
func raw(ctx context.Context, r *rest.Request) ([]byte, error) {
	body, err := r.DoRaw(ctx)
	if err == nil {
		return body, nil
	}
	var s metav1.Status
	if json.Unmarshal(body, &s) == nil && s.Kind == "Status" && s.Status == metav1.StatusFailure && s.Message != "" {
		if had := status(err); s.Details == nil && had != nil {
			s.Details = had.Details // when to try again stands in a header
		}
		return nil, &apierrors.StatusError{ErrStatus: s}
	}
	return nil, err
}
