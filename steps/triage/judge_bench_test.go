package triage_test

import (
	"fmt"
	"testing"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/node"
	. "canton.example/svrescue/steps/triage"
)

// BenchmarkJudge judges evidence of n troubled pods and n released volumes, n sets and n scans: the time grows with n, and not with its square.
func BenchmarkJudge(b *testing.B) {
	for _, n := range []int{0, 300, 3000} {
		e := whole()
		for i := range n {
			e.Pods.Troubles = append(e.Pods.Troubles, Trouble{Part: node.ScanApp, Name: fmt.Sprintf("app-%d", i), Kind: Crash, Why: kube.Explanation{Summary: fmt.Sprintf("app-%d crashes again and again", i)}})
			leftover(volumes, Leftover{Name: fmt.Sprintf("pv-%d", i), Claim: fmt.Sprintf("claim-%d", i)})(&e)
			s := goodSet()
			s.Name = fmt.Sprintf("set-%d", i)
			e.Backups.Snapshots.Sets = append(e.Backups.Snapshots.Sets, s)
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				Judge(e, now)
			}
		})
	}
}
