package sim

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// What only people have is made some time after the namespace, and not over what is there.
func TestErrands(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, s *Server, cfg *rest.Config) {
		if err := s.LoadScenario(Scenario{Knobs: Knobs{Errands: []Errand{{Namespace: "validator", After: metav1.Duration{Duration: 5 * time.Minute},
			Objects: "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {k: theirs}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: b}\nstringData: {k: theirs}\n"}}}}); err != nil {
			t.Fatal(err)
		}
		c := client(t, cfg)
		if _, err := c.CoreV1().Namespaces().Create(bg, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "validator"}}, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.CoreV1().Secrets("validator").Create(bg, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "a"}, StringData: map[string]string{"k": "mine"}}, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(4 * time.Minute)
		if _, err := c.CoreV1().Secrets("validator").Get(bg, "b", metav1.GetOptions{}); err == nil {
			t.Error("it was made too early")
		}
		time.Sleep(2 * time.Minute)
		for name, want := range map[string]string{"a": "mine", "b": "theirs"} {
			if x, err := c.CoreV1().Secrets("validator").Get(bg, name, metav1.GetOptions{}); err != nil || string(x.Data["k"]) != want {
				t.Errorf("%s: %v, %v", name, x, err)
			}
		}
	})
}
