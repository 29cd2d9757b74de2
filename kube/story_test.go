package kube

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/utils/clock"

	"canton.example/svrescue/internal/pipes"
	"canton.example/svrescue/kube/sim"
)

// A stopped database keeps its disk when its claim is deleted, and gets it back by releasing the volume and creating the claim again:
// "put back the old volume", with the controllers of the simulator running.
func TestOldVolumeIsPutBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := sim.New(sim.Options{Clock: clock.RealClock{}})
		if err := s.LoadYAML([]byte(world)); err != nil {
			t.Fatal(err)
		}
		s.Settle(24 * time.Hour)
		go s.Run(ctx)
		l := pipes.Listen()
		server := &http.Server{Handler: s}
		go server.Serve(l)
		cl, err := Connect(Target{Kubeconfig: write(t, string(sim.Kubeconfig("http://127.0.0.1:1", "admin", nil, "sv")))}, Options{Dial: l.Dial})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			cancel()
			server.Close()
			synctest.Wait()
		}()

		within := func(what string, done func() bool) {
			t.Helper()
			for range 300 {
				if done() {
					return
				}
				time.Sleep(time.Second)
			}
			t.Fatalf("%s has not come about in 5 minutes", what)
		}
		const name = "pg-data-apps-pg-0"
		pg := WorkloadRef{StatefulSet, "sv", "apps-pg"}
		dump, err := cl.Hands(AccessCreateClaim("sv", "dump"), false).CreateClaim(ctx, ClaimSpec{Namespace: "sv", Name: "dump", Class: "fast", Size: "1Gi"})
		if err != nil || dump == "" {
			t.Fatal(err)
		}
		ready := func() bool { return must[Workload](t)(cl.Workload(ctx, StatefulSet, "sv", "apps-pg")).Ready == 1 }
		within("the database running", ready)

		claim := must[Claim](t)(cl.Claim(ctx, "sv", name))
		volume := must[Volume](t)(cl.Volume(ctx, claim.Volume))
		hands := cl.Hands([]Access{
			AccessScale(pg)[1], AccessPatchVolume(volume.Name)[0], AccessDeleteClaim("sv", name)[0], AccessCreateClaim("sv", name)[0],
		}, false)
		if err := hands.Scale(ctx, pg, 1, 0, ""); err != nil {
			t.Fatal(err)
		}
		within("the pods gone", func() bool {
			pods, err := cl.Pods(ctx, "sv", "app=apps-pg")
			return err == nil && len(pods) == 0
		})
		if err := hands.SetReclaimPolicy(ctx, volume.Name, volume.UID, Delete, Retain); err != nil {
			t.Fatal(err)
		}
		if err := hands.DeleteClaim(ctx, "sv", name, claim.UID); err != nil {
			t.Fatal(err)
		}
		within("the volume released", func() bool {
			_, ok, err := cl.Claim(ctx, "sv", name)
			return err == nil && !ok && must[Volume](t)(cl.Volume(ctx, volume.Name)).Phase == "Released"
		})
		released := must[Volume](t)(cl.Volume(ctx, volume.Name))
		if err := hands.ReleaseVolume(ctx, volume.Name, volume.UID, *released.Claim); err != nil {
			t.Fatal(err)
		}
		if _, err := hands.CreateClaim(ctx, ClaimSpec{Namespace: "sv", Name: name, Class: claim.Class, Size: claim.Request.Text, Volume: volume.Name}); err != nil {
			t.Fatal(err)
		}
		if err := hands.Scale(ctx, pg, 0, 1, ""); err != nil {
			t.Fatal(err)
		}
		within("the database running again", ready)
		if back := must[Claim](t)(cl.Claim(ctx, "sv", name)); back.Volume != volume.Name || back.UID == claim.UID || back.Phase != "Bound" {
			t.Errorf("%+v", back)
		}
	})
}
