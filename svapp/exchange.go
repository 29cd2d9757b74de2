package svapp

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// request is the question as it is sent.
func (c *Client) request(ctx context.Context, a ask, token Token) (*http.Request, *Error) {
	var body io.Reader
	if a.body != nil {
		data, err := json.Marshal(a.body)
		if err != nil {
			return nil, &Error{Kind: Invalid, Seen: "the request cannot be written as JSON", Next: "report this as a defect of the program"}
		}
		body = bytes.NewReader(data)
	}
	method := a.method
	if method == "" {
		method = http.MethodGet
	}
	r, err := http.NewRequestWithContext(ctx, method, c.at(a.path, a.query), body)
	if err != nil {
		return nil, &Error{Kind: Invalid, Seen: "what is asked for fits into no address", Next: "check the name or identifier that was given"}
	}
	r.Header.Set("User-Agent", c.settings.UserAgent)
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Accept-Encoding", "gzip") // unpacked here, so that it works the same on every way
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if !token.Value.Empty() {
		r.Header.Set("Authorization", "Bearer "+token.Value.Reveal())
	}
	return r, nil
}

// maxRefusal is how much is read of an answer that is no good one.
const maxRefusal = 256 << 10

var (
	errTooLarge = errors.New("too large")
	errPacking  = errors.New("packed otherwise than by gzip")
)

// read takes the body up to the bound, which holds for what it is unpacked.
func (c *Client) read(got *http.Response) ([]byte, error) {
	var from io.Reader = got.Body
	switch strings.ToLower(got.Header.Get("Content-Encoding")) {
	case "", "identity":
	case "gzip":
		unpacked, err := gzip.NewReader(got.Body)
		if errors.Is(err, io.EOF) {
			return nil, nil // an empty body
		}
		if err != nil {
			return nil, err
		}
		from = unpacked
	default:
		return nil, errPacking
	}
	bound := c.settings.MaxBody
	if got.StatusCode < 200 || got.StatusCode > 299 {
		bound = min(bound, maxRefusal)
	}
	body, err := io.ReadAll(io.LimitReader(from, bound+1))
	if err == nil && int64(len(body)) > bound {
		return body[:bound], errTooLarge
	}
	return body, err
}

// unread explains a good answer whose body could not be read to its end.
func (c *Client) unread(ctx context.Context, back answer, err error) *Error {
	var e *Error
	switch {
	case errors.Is(err, errTooLarge):
		e = &Error{Kind: TooLarge, Seen: "an answer of more than " + strconv.FormatInt(c.settings.MaxBody>>20, 10) + " MiB"}
	case errors.Is(err, errPacking), errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum):
		e = &Error{Kind: Malformed, Seen: "an answer that cannot be unpacked"}
	case errors.Is(err, io.ErrUnexpectedEOF):
		e = &Error{Kind: Cut, Seen: "an answer that ended early"}
	default:
		if e = noAnswer(ctx, err, back.known...); e.Kind == Unreachable {
			e.Kind, e.Seen = Cut, "an answer that ended early: "+e.Seen
		}
	}
	e.Code, e.Next = back.status, next(e)
	return e
}

// take fills the struct with a good answer. A page is no answer of an app, whatever its status; nor is an error text that
// comes with status 200, which the specification of some endpoints allows (reference/apis.md 2.3).
func (a answer) take(into any) *Error {
	if a.page() {
		e := &Error{Code: a.status}
		a.byPage(e)
		e.Next = next(e)
		return e
	}
	if into == nil {
		return nil
	}
	err := decode(a.body, into)
	if err == nil {
		return nil
	}
	e := &Error{Kind: Malformed, Code: a.status, Seen: "an answer of another shape: " + err.Error()}
	if text, ok := errorText(a.body); ok {
		e.Kind, e.From, e.Canton, e.Seen = Server, FromApp, readCanton(text), a.saw(text)
	} else if errors.Is(err, io.ErrUnexpectedEOF) {
		e.Kind, e.Seen = Cut, "an answer that ended early"
	}
	e.Next = next(e)
	return e
}
