package network

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps/wire"
)

// scale has somebody scale a deployment, and returns when its pods are as they should.
func (r *rig) scale(name string, from, to int32) {
	r.t.Helper()
	if from != to {
		if err := r.scaleTo(r.ref(name), from, to); err != nil {
			r.t.Fatal(err)
		}
	}
	for range 600 {
		pods, err := r.world.Kube.Pods(r.t.Context(), "sv", "app="+name)
		if err != nil {
			r.t.Fatal(err)
		}
		if len(pods) == int(to) && (to == 0 || pods[0].Ready) {
			return
		}
		time.Sleep(time.Second)
	}
	r.t.Fatalf("%s does not come to %d", name, to)
}

func (r *rig) ref(name string) kube.WorkloadRef {
	return kube.WorkloadRef{Kind: kube.Deployment, Namespace: "sv", Name: name}
}

func (r *rig) scaleTo(ref kube.WorkloadRef, from, to int32) error {
	return r.world.Kube.Hands(kube.AccessScale(ref), false).Scale(r.t.Context(), ref, from, to, "")
}

// The dump gets to the SV app's volume, and one that was there is kept.
func TestTheDumpIsUploaded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.5.10")
		r.scale("sv-app", 1, 1)
		f := r.dumped(r.settledFacts(time.Hour, 0))
		r.disk.Put(dumpPath, []byte("an older dump"))
		found, err := uploadStep().Check(t.Context(), r.world, f)
		if err != nil || said(found) != "holds dump" {
			t.Fatalf("%v, %s", err, said(found))
		}
		if open, err := uploadStep().Inputs(t.Context(), r.world, f); err != nil || len(open) > 0 {
			t.Fatalf("%v, %+v", err, open)
		}
		a, err := r.do(uploadStep(), f)
		if err != nil || r.state(a) != wire.ActionDone {
			t.Fatalf("%v, %s", err, r.state(a))
		}
		found, err = uploadStep().Verify(t.Context(), r.world, &f)
		if err != nil || said(found) != "holds there, attention old" || f.Dump.Uploaded != "sv/sv-app:"+dumpPath {
			t.Errorf("%v, %s, %+v", err, said(found), f.Dump)
		}
		if got, _ := r.disk.File(dumpPath); !bytes.Equal(got, r.files.files[DumpFile]) {
			t.Error("another file is there")
		}
		if names := r.disk.Names(); len(names) != 2 || !strings.HasPrefix(names[1], dumpPath+".old-") {
			t.Errorf("on the volume are %v", names)
		}
		// Once more, nothing is sent.
		if _, err := r.do(uploadStep(), f); err != nil {
			t.Fatal(err)
		}
		if names := r.disk.Names(); len(names) != 2 {
			t.Errorf("on the volume are %v", names)
		}
		// Somebody changes it.
		r.disk.Put(dumpPath, []byte("another"))
		if r.state(a) == wire.ActionDone {
			t.Error("another file counts as the dump")
		}
		if found, _ = uploadStep().Verify(t.Context(), r.world, &f); said(found) != "violated there" {
			t.Errorf("another file: %s", said(found))
		}
	})
}

// A copy that is cut goes on, and the half copy of another file is thrown away only by a choice of its own.
func TestUploadsThatAreDisturbed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.5.10")
		r.scale("sv-app", 1, 1)
		f := r.dumped(r.settledFacts(time.Hour, 0))
		knobs := r.sim.Knobs()
		knobs.Faults = append(knobs.Faults, sim.Fault{Resource: "pods/exec", Do: "cut", Skip: 2, Bytes: 30_000, Count: 2})
		r.sim.Set(knobs)
		if _, err := r.do(uploadStep(), f); err != nil {
			t.Fatal(err)
		}
		if got, _ := r.disk.File(dumpPath); !bytes.Equal(got, r.files.files[DumpFile]) {
			t.Error("another file is there")
		}
		r.disk.Put(dumpPath, []byte("another"))
		r.disk.Put(dumpPath+".part", []byte("half of something"))
		_, err := r.do(uploadStep(), f)
		ways := uploadStep().Remedies(err)
		if err == nil || len(ways) != 1 || ways[0].Choice != "start-over" {
			t.Fatalf("%v, %+v", err, ways)
		}
		again := ways[0].Actions[0]
		if again.Show().Lost == "" {
			t.Error("it is not said what is lost")
		}
		if err := again.Do(t.Context(), r.hands(again), func(wire.Progress) {}); err != nil {
			t.Fatal(err)
		}
		if r.state(again) != wire.ActionDone {
			t.Error("it is not there")
		}
	})
}

// Where the app does not run a pod of its own carries the dump, once somebody said so, and is taken away.
func TestAHelperCarriesTheDump(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.5.10")
		r.scale("sv-app", 1, 1)
		f := r.dumped(r.settledFacts(time.Hour, 0))
		r.scale("sv-app", 1, 0)
		_, err := r.do(uploadStep(), f) // it went down after it was looked at
		if ways := uploadStep().Remedies(err); err == nil || len(ways) != 1 || ways[0].Choice != throughHelper || ways[0].Actions[0].Key() == (uploadDump{}).Key() {
			t.Fatalf("%v, %+v", err, ways)
		}
		open, err := uploadStep().Inputs(t.Context(), r.world, f)
		if err != nil || len(open) != 1 || open[0].Name != "through" {
			t.Fatalf("%v, %+v", err, open)
		}
		if err := uploadStep().Take(&f, "through", throughHelper); err != nil {
			t.Fatal(err)
		}
		a, err := r.do(uploadStep(), f)
		if err != nil || r.state(a) != wire.ActionDone {
			t.Fatalf("%v, %s", err, r.state(a))
		}
		found, err := uploadStep().Verify(t.Context(), r.world, &f)
		if err != nil || said(found) != "holds there" {
			t.Errorf("%v, %s", err, said(found))
		}
		pods, err := r.world.Kube.Pods(t.Context(), "sv", "")
		if err != nil || slices.ContainsFunc(pods, func(p kube.Pod) bool { return strings.HasPrefix(p.Name, "svrescue-") }) {
			t.Errorf("%v: the helper is left", err)
		}
		if got, _ := r.disk.File(dumpPath); !bytes.Equal(got, r.files.files[DumpFile]) {
			t.Error("another file is there")
		}
	})
}
