package kube

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// patience takes the Retry-After off an answer, so that client-go does not try again by itself, up to ten times and in silence, and puts
// it into the body, from where it gets into the Error. An answer that is no Status becomes one: the API server's own 429 is plain text.
func patience(resp *http.Response) {
	after := resp.Header.Get("Retry-After")
	resp.Header.Del("Retry-After")
	seconds, err := strconv.Atoi(after)
	if err != nil || seconds <= 0 || resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode < 500 || resp.Body == nil {
		return
	}
	said, _ := io.ReadAll(io.LimitReader(resp.Body, maxRefusal)) // what is cut off is no Status any more, and is told as text
	resp.Body.Close()
	var s metav1.Status
	if media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); media != "application/json" || json.Unmarshal(said, &s) != nil || s.Kind != "Status" {
		s = apierrors.NewGenericServerResponse(resp.StatusCode, "", schema.GroupResource{}, "", "", seconds, true).ErrStatus
		s.Kind, s.APIVersion = "Status", "v1"
		if text := strings.TrimSpace(string(said)); text != "" && strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain") {
			s.Message = clean(text, maxSeen)
		}
	}
	if s.Details == nil {
		s.Details = &metav1.StatusDetails{}
	}
	if s.Details.RetryAfterSeconds == 0 {
		s.Details.RetryAfterSeconds = int32(min(seconds, 1<<20))
	}
	body, err := json.Marshal(s)
	if err != nil {
		panic(fmt.Sprintf("kube: a status that is not JSON: %v", err))
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	resp.Header.Set("Content-Type", "application/json")
	resp.Header.Del("Content-Length")
	resp.Header.Del("Content-Encoding")
	resp.TransferEncoding = nil
}
