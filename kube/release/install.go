package release

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"helm.sh/helm/v4/pkg/release/common"
	rspb "helm.sh/helm/v4/pkg/release/v1"
	"helm.sh/helm/v4/pkg/storage/driver"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	typedv1 "k8s.io/client-go/kubernetes/typed/core/v1"

	"canton.example/svrescue/kube"
)

// Part is one object of a release and where it goes: what an action says of it before it is made.
type Part struct {
	kube.Place
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
	Keep      bool   `json:"keep,omitempty"` // it stays when the release goes
}

// String is such as "Deployment/sv-app".
func (p Part) String() string { return p.Kind + "/" + p.Name }

// Site is a cluster as installing and upgrading need it; *kube.Cluster has it.
type Site interface {
	Cluster
	Place(ctx context.Context, o kube.Object) (kube.Place, error)
	Find(ctx context.Context, p kube.Place, ns, name string) (kube.Meta, bool, error)
	Live(ctx context.Context, p kube.Place, ns, name string) (kube.Object, kube.Meta, bool, error)
}

// Hands make, change and remove objects; *kube.Hands has it, and sends only what was shown.
type Hands interface {
	Create(ctx context.Context, p kube.Place, o kube.Object, manager string) error
	Replace(ctx context.Context, p kube.Place, o kube.Object, was kube.Meta, manager string) error
	Merge(ctx context.Context, p kube.Place, o kube.Object, was kube.Meta, m kube.Merge, manager string) error
	Remove(ctx context.Context, p kube.Place, ns, name, uid string) error
}

var (
	_ Site  = (*kube.Cluster)(nil)
	_ Hands = (*kube.Hands)(nil)
)

// manager is the name under which Helm writes, so that its later upgrades own the same fields.
const manager = "helm"

var secrets = kube.Place{Version: "v1", Resource: "secrets", Namespaced: true}

// Rendered lists what installing the release makes, and where. The server is asked how each kind is addressed; nothing is changed.
func (s Stored) Rendered(ctx context.Context, site Site) ([]Part, error) {
	objects, err := s.Objects()
	if err != nil {
		return nil, err
	}
	places := map[string]kube.Place{}
	var parts []Part
	for _, o := range objects {
		kind := o.Group() + "/" + o.Version() + "/" + o.Kind()
		place, ok := places[kind]
		if !ok {
			if place, err = site.Place(ctx, o); err != nil {
				return nil, err
			}
			places[kind] = place
		}
		p := Part{Place: place, Kind: o.Kind(), Name: o.Name(), Keep: strings.EqualFold(o.Annotations()[policy], "keep") || o.Kind() == "PersistentVolumeClaim"}
		if place.Namespaced {
			p.Namespace = cmp.Or(o.Namespace(), s.Namespace)
		}
		parts = append(parts, p)
	}
	return parts, nil
}

// Installation is a release that is put into a namespace object by object, and written down as Helm would: from then on it is an
// ordinary release. Helm's own install is not used, because it would render once more, run hooks, and refuse to go on with what an
// interrupted try has left ("cannot reuse a name that is still in use").
type Installation struct {
	Name, Namespace string
	Parts           []Part
	// Mark begins the description in Helm's record, and tells this installation from any other.
	Mark string
	// From is what it is installed from, for that description: "the record".
	From string
}

func (i Installation) key() string { return recordOf(i.Name, 1) }

// recordOf is what Helm calls the Secret of a revision.
func recordOf(name string, revision int) string {
	return fmt.Sprintf("sh.helm.release.v1.%s.v%d", name, revision)
}

// AccessInstall is everything that Do sends.
func (i Installation) AccessInstall() []kube.Access {
	var all []kube.Access
	for _, p := range i.Parts {
		all = append(all, p.Place.Access("create", p.Namespace, p.Name))
	}
	return append(all, secrets.Access("create", i.Namespace, i.key()), secrets.Access("update", i.Namespace, i.key()))
}

// AccessUninstall is everything that Undo sends.
func (i Installation) AccessUninstall() []kube.Access {
	var all []kube.Access
	for _, p := range i.Parts {
		if !p.Keep {
			all = append(all, p.Place.Access("delete", p.Namespace, p.Name))
		}
	}
	return append(all, secrets.Access("delete", i.Namespace, i.key()))
}

// State is how far an installation has got.
type State struct {
	Record  string   // status in Helm's record; empty: there is none
	Ours    bool     // the record is of this installation
	There   []string // its objects that are there
	Missing []string
	Foreign []string // objects of these names that are not of the release
}

// Done says that nothing is left to do.
func (s State) Done() bool {
	return s.Record == string(common.StatusDeployed) && s.Ours && len(s.Missing)+len(s.Foreign) == 0
}

// Look reads how far the installation has got.
func (i Installation) Look(ctx context.Context, site Site) (State, error) {
	var s State
	list, err := In(site, i.Namespace).List(ctx)
	if err != nil {
		return s, err
	}
	for _, r := range list {
		if r.Name == i.Name {
			s.Record, s.Ours = cmp.Or(r.Status, "unreadable"), r.Problem == "" && r.Revision == 1 && strings.HasPrefix(r.Description, i.Mark)
		}
	}
	for _, p := range i.Parts {
		m, found, err := site.Find(ctx, p.Place, p.Namespace, p.Name)
		switch {
		case err != nil:
			return s, err
		case !found:
			s.Missing = append(s.Missing, p.String())
		case !Owned(m, i.Name, i.Namespace):
			s.Foreign = append(s.Foreign, p.String())
		default:
			s.There = append(s.There, p.String())
		}
	}
	return s, nil
}

// Taken is the refusal to install over something else.
type Taken struct{ What string }

func (t *Taken) Error() string { return t.What }

// objects are those of the release, in the order of the parts. A release whose objects are not the parts that were shown is refused.
func (i Installation) objects(s Stored) ([]kube.Object, error) {
	objects, err := s.Objects()
	if err != nil {
		return nil, err
	}
	if len(objects) != len(i.Parts) || s.Name != i.Name || s.Namespace != i.Namespace {
		return nil, errors.New("release " + i.Name + " is not the one that was shown")
	}
	for n, p := range i.Parts {
		if objects[n].Kind() != p.Kind || objects[n].Name() != p.Name || objects[n].Group() != p.Group || objects[n].Version() != p.Version {
			return nil, fmt.Errorf("release %s is not the one that was shown: %s stands where %s was", i.Name, objects[n], p)
		}
		objects[n] = objects[n].Marked(p.Namespace, nil, nil)
	}
	return objects, nil
}

// Try lets the server judge every object that is not there yet; hands must be such that only try. It answers how many were tried.
func (i Installation) Try(ctx context.Context, site Site, hands Hands, s Stored) (int, error) {
	objects, err := i.objects(s)
	if err != nil {
		return 0, err
	}
	state, err := i.Look(ctx, site)
	if err != nil {
		return 0, err
	}
	if err := i.free(state); err != nil {
		return 0, err
	}
	tried := 0
	for n, p := range i.Parts {
		if slices.Contains(state.There, p.String()) {
			continue
		}
		if err := hands.Create(ctx, p.Place, objects[n], manager); err != nil {
			return tried, err
		}
		tried++
	}
	return tried, nil
}

// free says why the release cannot be installed here.
func (i Installation) free(s State) error {
	switch {
	case s.Record != "" && !s.Ours:
		return &Taken{fmt.Sprintf("a release %s is there already (%s), and it was not installed by this run", i.Name, s.Record)}
	case len(s.Foreign) > 0:
		return &Taken{fmt.Sprintf("there already, and not of release %s: %s", i.Name, strings.Join(s.Foreign, ", "))}
	}
	return nil
}

// Do installs the release: the record as pending, each object that is missing, the record as deployed. It may be called again after
// an end at any point: objects of the release that are there are left as they are. It does not wait until anything runs.
func (i Installation) Do(ctx context.Context, site Site, hands Hands, s Stored, now time.Time, report func(done int, what string)) error {
	objects, err := i.objects(s)
	if err != nil {
		return err
	}
	state, err := i.Look(ctx, site)
	if err != nil {
		return err
	}
	if err := i.free(state); err != nil {
		return err
	}
	records := driver.NewSecrets(&writer{ctx: ctx, site: site, hands: hands, ns: i.Namespace})
	records.SetLogger(slog.NewTextHandler(io.Discard, nil))
	rls := s.copyOf()
	rls.Version, rls.ApplyMethod = 1, string(rspb.ApplyMethodClientSideApply)
	rls.Info.FirstDeployed, rls.Info.LastDeployed, rls.Info.Deleted, rls.Info.RollbackRevision = now.UTC(), now.UTC(), time.Time{}, 0
	if state.Record == "" {
		rls.SetStatus(common.StatusPendingInstall, i.Mark+" installing from "+i.From)
		err := cause(records.Create(i.key(), rls))
		if errors.Is(err, driver.ErrReleaseExists) { // an answer was lost, or somebody was faster
			if state, err = i.Look(ctx, site); err == nil {
				err = i.free(state)
			}
		}
		if err != nil {
			return err
		}
	}
	for n, p := range i.Parts {
		report(n, p.String())
		if slices.Contains(state.There, p.String()) {
			continue
		}
		err := hands.Create(ctx, p.Place, objects[n], manager)
		if kube.KindOf(err) == kube.AlreadyExists { // an answer was lost, or somebody was faster
			m, found, lookErr := site.Find(ctx, p.Place, p.Namespace, p.Name)
			switch {
			case lookErr != nil:
				return lookErr
			case found && Owned(m, i.Name, i.Namespace):
				err = nil
			}
		}
		if err != nil {
			return err
		}
	}
	report(len(i.Parts), "Helm's record")
	rls.SetStatus(common.StatusDeployed, i.Mark+" installed from "+i.From)
	return cause(records.Update(i.key(), rls))
}

// Undo removes what was installed, last made first, and then Helm's record. Claims stay, and what the chart says must stay. Objects
// that are not of the release are left alone, and so is a record that is not of this installation.
func (i Installation) Undo(ctx context.Context, site Site, hands Hands, report func(done int, what string)) error {
	state, err := i.Look(ctx, site)
	if err != nil || state.Record == "" && len(state.There) == 0 {
		return err
	}
	if state.Record != "" && !state.Ours {
		return &Taken{fmt.Sprintf("release %s was changed by somebody else since this run installed it (%s)", i.Name, state.Record)}
	}
	done := 0
	for _, p := range slices.Backward(i.Parts) {
		report(done, p.String())
		done++
		if p.Keep {
			continue
		}
		m, found, err := site.Find(ctx, p.Place, p.Namespace, p.Name)
		if err != nil {
			return err
		}
		if !found || !Owned(m, i.Name, i.Namespace) {
			continue
		}
		if err := hands.Remove(ctx, p.Place, p.Namespace, p.Name, m.UID); err != nil {
			return err
		}
	}
	m, found, err := site.Find(ctx, secrets, i.Namespace, i.key())
	if err != nil || !found {
		return err
	}
	return hands.Remove(ctx, secrets, i.Namespace, i.key(), m.UID)
}

// cause takes the error of a cluster out of what Helm's driver wraps around it.
func cause(err error) error {
	if e, ok := errors.AsType[*kube.Error](err); ok {
		return e
	}
	return err
}

// writer is a client for secrets as Helm's driver wants it, whose writes go through guarded hands.
type writer struct {
	typedv1.SecretInterface // nil: everything but Create and Update panics
	ctx                     context.Context
	site                    Site
	hands                   Hands
	ns                      string
}

func (w *writer) object(o *corev1.Secret) (kube.Object, error) {
	o = o.DeepCopy()
	o.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"}
	o.Namespace = w.ns
	text, err := json.Marshal(o)
	if err != nil {
		return kube.Object{}, err
	}
	objects, err := kube.Objects(text)
	if err == nil && len(objects) != 1 {
		err = fmt.Errorf("the record %s of Helm was read back as %d objects (a defect of the program)", o.Name, len(objects))
	}
	if err != nil {
		return kube.Object{}, err
	}
	return objects[0], nil
}

func (w *writer) Create(_ context.Context, o *corev1.Secret, _ metav1.CreateOptions) (*corev1.Secret, error) {
	object, err := w.object(o)
	if err != nil {
		return nil, err
	}
	return o, w.hands.Create(w.ctx, secrets, object, manager)
}

func (w *writer) Update(_ context.Context, o *corev1.Secret, _ metav1.UpdateOptions) (*corev1.Secret, error) {
	object, err := w.object(o)
	if err != nil {
		return nil, err
	}
	was, found, err := w.site.Find(w.ctx, secrets, w.ns, o.Name)
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, &kube.Error{Kind: kube.NotFound, Tried: "write down release " + o.Name, Seen: "its record is gone", Next: "look who removed it, and try again"}
	}
	return o, w.hands.Replace(w.ctx, secrets, object, was, manager)
}
