package hold

import (
	"strings"
	"testing"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/wire"
)

func actor(kind, name, parent string, paused bool) Hold {
	p := kube.Pausable{Kind: kind, Paused: paused}
	p.Namespace, p.Name, p.UID = "gitops", name, "uid-"+name
	return Hold{Actor: p, Parent: parent}
}

func marked(name string, rivals ...string) node.Component {
	return node.Component{Part: node.SVApp, Ref: kube.WorkloadRef{Kind: kube.Deployment, Namespace: "sv", Name: name}, Rivals: rivals}
}

func TestWhoManagesAnotherIsPausedFirstAndLetGoLast(t *testing.T) {
	f := On{Node: &node.Node{}, Held: []Hold{
		actor("HelmRelease", "leaf", "Kustomization gitops/middle", false),
		actor("Kustomization", "middle", "Kustomization gitops/root", false),
		actor("Kustomization", "asleep", "", true),
		actor("Kustomization", "root", "", false),
		actor("Kustomization", "loop", "Kustomization gitops/loop", false),
	}}
	keys := func(undo bool) string {
		actions := f.Pause()
		if undo {
			actions = f.LetGo()
		}
		var all []string
		for _, a := range actions {
			words := strings.Split(a.Key(), "/")
			all = append(all, strings.Fields(words[1])[0])
		}
		return strings.Join(all, " ")
	}
	if got := keys(false); got != "root middle leaf loop" {
		t.Error(got)
	}
	if got := keys(true); got != "loop leaf middle root" {
		t.Error(got)
	}
}

func TestNewcomers(t *testing.T) {
	f := On{Held: []Hold{actor("Application", "known", "", false)}}
	now := others{found: []Hold{
		actor("Application", "known", "", false),
		actor("Application", "new", "", false),
		actor("Application", "new-and-paused", "", true),
	}}
	if got := said(newcomers(now, f)); got != "violated new-uid-new" {
		t.Error(got)
	}
}

func TestByHandOnly(t *testing.T) {
	autoscaler := func(target string, least int32) kube.Autoscaler {
		a := kube.Autoscaler{TargetKind: kube.Deployment, TargetName: target, Min: least, Max: 3}
		a.Name = "hpa-" + target
		return a
	}
	byKeda := autoscaler("sv-app", 1)
	byKeda.Owners = []kube.Owner{{Kind: "ScaledObject", Name: "scaled"}}
	for _, c := range []struct {
		name  string
		parts []node.Component
		now   others
		want  string
	}{
		{"nobody", []node.Component{marked("sv-app")}, others{}, ""},
		{"an autoscaler stands still at 0", []node.Component{marked("sv-app", "HorizontalPodAutoscaler hpa-sv-app")}, others{scaled: []kube.Autoscaler{autoscaler("sv-app", 1)}}, "attention autoscaler-hpa-sv-app"},
		{"one that may scale to 0 does not", []node.Component{marked("sv-app")}, others{scaled: []kube.Autoscaler{autoscaler("sv-app", 0)}}, "violated autoscaler-hpa-sv-app"},
		{"one of another workload", []node.Component{marked("sv-app")}, others{scaled: []kube.Autoscaler{autoscaler("web", 0)}}, ""},
		{"Argo CD whose Application was found", []node.Component{marked("sv-app", "Argo CD")},
			others{found: []Hold{actor("Application", "a", "", false)}}, ""},
		{"Argo CD whose Application may not be read", []node.Component{marked("sv-app", "Argo CD"), marked("scan-app", "Argo CD")},
			others{found: []Hold{actor("HelmRelease", "a", "", false)}}, "undetermined rival-Argo CD"},
		{"KEDA's autoscaler whose object was found", []node.Component{marked("sv-app")}, others{scaled: []kube.Autoscaler{byKeda}, found: []Hold{actor("ScaledObject", "scaled", "", false)}}, ""},
		{"KEDA's autoscaler whose object may not be read", []node.Component{marked("sv-app")}, others{scaled: []kube.Autoscaler{byKeda}}, "undetermined autoscaler-hpa-sv-app"},
		{"Flux that may not be read", []node.Component{marked("sv-app", "Flux")}, others{unread: "forbidden"}, "undetermined rival-Flux"},
		{"Pulumi acts only when it is run", []node.Component{marked("sv-app", "Pulumi")}, others{}, "attention rival-Pulumi"},
		{"Reloader leaves counts alone", []node.Component{marked("sv-app", "Stakater Reloader (restarts pods when a Secret or ConfigMap changes)")}, others{},
			"attention rival-Stakater Reloader (restarts pods when a Secret or ConfigMap changes)"},
		{"a controller that nobody knows", []node.Component{marked("sv-app", "SuperValidator acme")}, others{}, "violated rival-SuperValidator acme"},
		{"what may not be read, and no mark", []node.Component{marked("sv-app")}, others{unread: "forbidden"}, "attention others-unread"},
	} {
		found := byHandOnly(c.now, On{Node: &node.Node{Components: c.parts}})
		if got := said(found); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		for _, f := range found {
			if f.Next == "" || f.Verdict == wire.Violated && f.Waive == "" {
				t.Errorf("%s: it does not say what to do, or cannot be gone on with: %+v", c.name, f)
			}
		}
	}
}

// said are the findings as "verdict id".
func said(found []wire.Finding) string {
	var all []string
	for _, f := range found {
		all = append(all, string(f.Verdict)+" "+f.ID)
	}
	return strings.Join(all, ", ")
}
