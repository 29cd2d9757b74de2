// Package sim is a Kubernetes API server in memory, with controllers that behave: for rehearsals and for tests.
//
// It keeps its own store: unstructured objects, one version counter and an event log, so that conflicts, dry runs,
// preconditions, finalizers, watches from a version and 410 Gone are real. What it promises is written down in package
// contract, whose cases run against a real cluster too; where the two disagreed, this package was mended.
//
// A Server is an http.Handler. Run drives deployments, stateful sets, pods, claims, volumes, snapshots, garbage collection
// and namespaces as one loop over a time-ordered queue; its only clock is the one in Options, its only randomness comes
// from the seed, and everything ends with its context. It works inside testing/synctest over net.Pipe.
//
//	s := sim.New(sim.Options{Clock: clock.RealClock{}})
//	err := s.LoadScenario(scenario) // or Load, LoadYAML, Settle
//	go s.Run(ctx)
//	http.Serve(listener, s)
//	s.Set(sim.Knobs{Workloads: map[string]sim.Workload{"sv/sv-app": {NeverReady: true}}})
//
// Not simulated: attach and proxy, admission webhooks, field ownership of server-side apply, node failures, volume
// expansion, and lists at an old version (a later page shows the present). One container per pod is run; the others of a
// pod share its state.
//
// Commands in pods and tunnels to their ports are served as a real server and kubelet do, by WebSocket and by SPDY; what the
// commands are and who listens on the ports is Options.Inside.
//
// Every volume carries a short text, copied by snapshots and given to the claims that are restored from them: ContentOf
// proves that the right data came back. Text that begins with "damaged" makes every pod on the volume crash.
package sim
