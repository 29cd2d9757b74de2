package release

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"
	status "helm.sh/helm/v4/pkg/release/common"
	rspb "helm.sh/helm/v4/pkg/release/v1"
	releaseutil "helm.sh/helm/v4/pkg/release/v1/util"
	"helm.sh/helm/v4/pkg/storage/driver"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	typedv1 "k8s.io/client-go/kubernetes/typed/core/v1"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/kube"
)

// Rendered is a release that was never installed: what `helm install` would keep of it, but for the times.
type Rendered struct {
	Stored
	// Asked are the objects of the cluster that templates asked for by lookup, such as "v1 Secret sv/key", sorted. None was looked
	// up: templates were told that it is not there.
	Asked []string
	// Askers are the templates in which lookup stands, where anything was asked.
	Askers []string
	// Brings are the files with definitions of kinds (CRDs) of the chart and of those inside it.
	Brings []string
}

// Unusable says why a chart does not make a release, without any value of it.
type Unusable struct {
	Why  string // fits after the name of the chart
	Next string
}

func (u *Unusable) Error() string { return u.Why }

// Render does what `helm install` does before it sends anything, by Helm's own library: the chart's dependencies are chosen, the values
// checked against its schema, the templates executed, hooks told from objects. Nothing is asked of a cluster or of the network. Its
// error is *Unusable.
//
// It renders twice. Where the two differ, the chart invents something: a password that it makes up would be another one than that of the
// data which is restored, so that is an error too.
func (c Chart) Render(ctx context.Context, name, ns string, v Values, o kube.Offers) (Rendered, error) {
	return c.twice(ctx, common.ReleaseOptions{Name: name, Namespace: ns, Revision: 1, IsInstall: true}, v, o)
}

// RenderUpgrade is Render for an upgrade to a revision: what `helm upgrade` does before it sends anything. Templates can ask which of the two it
// is, and for the number of the revision.
func (c Chart) RenderUpgrade(ctx context.Context, name, ns string, revision int, v Values, o kube.Offers) (Rendered, error) {
	return c.twice(ctx, common.ReleaseOptions{Name: name, Namespace: ns, Revision: revision, IsUpgrade: true}, v, o)
}

func (c Chart) twice(ctx context.Context, as common.ReleaseOptions, v Values, o kube.Offers) (Rendered, error) {
	first, err := c.render(ctx, as, v, o)
	if err != nil {
		return Rendered{}, err
	}
	again, err := c.render(ctx, as, v, o)
	if err != nil {
		return Rendered{}, err
	}
	if changed := differ(first.rls, again.rls); len(changed) > 0 {
		return Rendered{}, &Unusable{Why: "renders differently each time, as where it makes up a password: " + strings.Join(changed, ", "),
			Next: "Set in the values what the chart makes up, to what it was; the node's data knows no other"}
	}
	return first, nil
}

func (c Chart) render(ctx context.Context, as common.ReleaseOptions, v Values, o kube.Offers) (Rendered, error) {
	name, ns := as.Name, as.Namespace
	ch, err := c.load()
	if err != nil {
		return Rendered{}, &Unusable{Why: "cannot be read any more: " + err.Error(), Next: "Put it back as it was"}
	}
	if lacks := missing(ch); len(lacks) > 0 {
		return Rendered{}, &Unusable{Why: "lacks charts that it is made of: " + strings.Join(lacks, ", "),
			Next: "Fetch them where the network is: helm dependency build " + c.Path + "; or use the packed chart, which has them inside"}
	}
	if t := ch.Metadata.Type; t != "" && t != "application" {
		return Rendered{}, &Unusable{Why: "is of type " + plain.Line(t) + ", which is not installed by itself", Next: "Name the chart that uses it"}
	}
	caps := capabilities(o)
	if want := ch.Metadata.KubeVersion; want != "" && !chartutil.IsCompatibleRange(want, caps.KubeVersion.String()) {
		return Rendered{}, &Unusable{Why: fmt.Sprintf("is for Kubernetes %s, and this cluster has %s", plain.Line(want), o.Version), Next: "Use a cluster, or a chart, that fits"}
	}
	if err := chartutil.ProcessDependencies(ch, v.tree); err != nil {
		return Rendered{}, unsaid(c, name, "its dependencies cannot be chosen with these values")
	}
	top, err := util.ToRenderValuesWithSchemaValidation(ch, v.tree, as, caps, true)
	if err != nil {
		return Rendered{}, unsaid(c, name, "the values do not have the shape that it wants: a chart inside it is given something that is no map")
	}
	values, err := top.Table("Values")
	if err != nil {
		values = common.Values{}
	}
	if wrong := schemaSays(ch, values); len(wrong) > 0 {
		return Rendered{}, &Unusable{Why: "does not take these values: " + strings.Join(wrong, "; "), Next: "Correct the values file, and try again"}
	}
	out := Rendered{}
	files, err := out.execute(ctx, ch, top)
	if err != nil {
		return Rendered{}, failing(c, ch, name, err)
	}
	rls := &rspb.Release{Name: name, Namespace: ns, Version: as.Revision, Chart: ch, Config: v.tree, ApplyMethod: string(rspb.ApplyMethodClientSideApply),
		Info: &rspb.Info{Status: status.StatusDeployed}}
	rls.Info.Notes = notes(ch, files)
	hooks, manifests, err := releaseutil.SortManifests(files, nil, releaseutil.InstallOrder)
	if err != nil {
		return Rendered{}, failing(c, ch, name, err)
	}
	rls.Hooks = hooks
	var doc strings.Builder
	for _, m := range manifests {
		fmt.Fprintf(&doc, "---\n# Source: %s\n%s\n", m.Name, m.Content)
	}
	rls.Manifest = doc.String()
	if out.Stored, err = stored(rls); err != nil {
		return Rendered{}, unsaid(c, name, err.Error())
	}
	if _, err := out.Objects(); err != nil {
		return Rendered{}, unsaid(c, name, "what it renders is not a list of objects")
	}
	for _, x := range family(ch) {
		for _, d := range x.CRDObjects() {
			if file := plain.Line(d.Name); !slices.Contains(out.Brings, file) {
				out.Brings = append(out.Brings, file)
			}
		}
	}
	slices.Sort(out.Brings)
	return out, nil
}

// execute runs the templates. Where one asks the cluster for an object it is told that there is none, as Helm tells it where it has no
// cluster, and the question is noted.
func (r *Rendered) execute(ctx context.Context, ch *chart.Chart, top common.Values) (map[string]string, error) {
	asked := map[string]bool{}
	e := engine.Engine{CustomTemplateFuncs: map[string]any{"lookup": func(version, kind, ns, name string) map[string]any {
		asked[plain.Line(strings.TrimSpace(version+" "+kind+" "+path.Join(ns, name)))] = true
		return map[string]any{}
	}}}
	files, err := e.RenderWithContext(ctx, ch, top)
	if err != nil {
		return nil, err
	}
	for what := range asked {
		r.Asked = append(r.Asked, what)
	}
	slices.Sort(r.Asked)
	if len(r.Asked) > 0 {
		for _, x := range family(ch) {
			for _, t := range x.Templates {
				if t != nil && lookup.Match(t.Data) {
					r.Askers = append(r.Askers, plain.Line(path.Join(x.ChartFullPath(), t.Name)))
				}
			}
		}
	}
	return files, nil
}

// lookup is a call of it in a template.
var lookup = regexp.MustCompile(`\blookup\s+["$.(]`)

// notes takes what the chart says to whoever installs it out of the rendered files, where it is no object. Helm keeps that of the chart
// itself and not of those inside it.
func notes(ch *chart.Chart, files map[string]string) string {
	text := files[path.Join(ch.Name(), "templates", "NOTES.txt")]
	for name := range files {
		if strings.HasSuffix(name, "NOTES.txt") {
			delete(files, name)
		}
	}
	return text
}

func capabilities(o kube.Offers) *common.Capabilities {
	caps := common.DefaultCapabilities.Copy()
	caps.KubeVersion = common.KubeVersion{Version: o.Version, Major: o.Major, Minor: o.Minor}
	caps.APIVersions = slices.Clone(o.APIs)
	return caps
}

// differ names the objects, hooks and notes that two renderings of a release do not share.
func differ(a, b *rspb.Release) []string {
	var changed []string
	note := func(what string) {
		if !slices.Contains(changed, what) {
			changed = append(changed, what)
		}
	}
	left, right := sources(a), sources(b)
	if len(left) != len(right) {
		note("how many objects there are")
	}
	for i := range min(len(left), len(right)) {
		if left[i].text != right[i].text {
			note(left[i].name)
		}
	}
	if a.Info.Notes != b.Info.Notes {
		note("its notes")
	}
	return changed
}

type source struct{ name, text string }

// sources are the documents of a release, each by the template that it comes from.
func sources(r *rspb.Release) []source {
	var all []source
	for _, doc := range strings.Split(r.Manifest, "---\n# Source: ") {
		if name, text, ok := strings.Cut(doc, "\n"); ok && name != "" {
			all = append(all, source{plain.Line(name), text})
		}
	}
	for _, h := range r.Hooks {
		all = append(all, source{plain.Line(h.Path), h.Manifest})
	}
	return all
}

// stored writes the release down by Helm's own driver, and reads it as any other.
func stored(rls *rspb.Release) (Stored, error) {
	rls.Info.FirstDeployed, rls.Info.LastDeployed = time.Time{}, time.Time{}
	kept := &keeper{}
	d := driver.NewSecrets(kept)
	d.SetLogger(slog.NewTextHandler(io.Discard, nil))
	if err := d.Create("release", rls); err != nil {
		return Stored{}, fmt.Errorf("what it renders cannot be written down as Helm does it")
	}
	return Decode(kept.record)
}

// keeper is a client for secrets as Helm's driver wants it, that keeps what the driver would have a server keep.
type keeper struct {
	typedv1.SecretInterface // nil: everything but Create panics
	record                  secret.String
}

func (k *keeper) Create(_ context.Context, o *corev1.Secret, _ metav1.CreateOptions) (*corev1.Secret, error) {
	k.record = secret.New(string(o.Data["release"]))
	return o, nil
}
