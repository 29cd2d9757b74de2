// Command pods is the peer of the first line of triage: a program that does nothing but list the pods of a namespace with client-go.
package main

import (
	"context"
	"fmt"
	"os"

	"canton.example/svrescue/kube"
)

func main() {
	cluster, err := kube.Connect(kube.Target{Namespace: os.Args[1]}, kube.Options{})
	if err == nil {
		var pods []kube.Pod
		if pods, err = cluster.Pods(context.Background(), os.Args[1], ""); err == nil {
			fmt.Println("pods", len(pods))
			return
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
