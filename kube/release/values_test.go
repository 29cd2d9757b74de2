package release

import (
	"slices"
	"testing"
)

func TestValuesAreTakenApart(t *testing.T) {
	v, err := ReadValues([]byte("auth: {jwksUrl: a, audience: b}\nusers: [x]\nnum: 3\nempty: null\n"))
	if err != nil {
		t.Fatal(err)
	}
	less := v.Without("auth.jwksUrl", "num", "nothing.here")
	if got := less.Keys(); !slices.Equal(got, []string{"auth.audience", "empty", "users"}) {
		t.Errorf("keys: %v", got)
	}
	if got := v.Keys(); !slices.Equal(got, []string{"auth.audience", "auth.jwksUrl", "empty", "num", "users"}) {
		t.Errorf("the values themselves were changed: %v", got)
	}
	if x, ok := v.At("users"); !ok || x.([]any)[0] != "x" {
		t.Errorf("users: %v", x)
	}
	for _, path := range []string{"empty", "auth.nothing", "num.inside"} {
		if _, ok := v.At(path); ok {
			t.Errorf("there is something at %s", path)
		}
	}
	if _, ok := (Values{}).Without("a").At("a"); ok {
		t.Error("there is something in nothing")
	}
}
