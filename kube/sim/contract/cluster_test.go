package contract

import (
	"os"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
)

// TestCluster runs the suite against the cluster that CONTRACT_KUBECONFIG names, with the default names.
func TestCluster(t *testing.T) {
	file := os.Getenv("CONTRACT_KUBECONFIG")
	if file == "" {
		t.Skip("CONTRACT_KUBECONFIG is not set")
	}
	cfg, err := clientcmd.BuildConfigFromFlags("", file)
	if err != nil {
		t.Fatal(err)
	}
	Run(t, cfg, Options{})
}
