package sim

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Inside is what runs in the pods of the simulated cluster. Its methods are called without any lock, from many goroutines. Their context
// ends when the client has gone or the container has ended, and they are to return then.
type Inside interface {
	// Exec runs a command in a container and answers its exit code. An unknown command is an error: the client is told that it
	// could not be started.
	Exec(ctx context.Context, in Pod, command []string, stdin io.Reader, stdout, stderr io.Writer) (int, error)
	// Dial answers a connection to a port of a pod, one end of a net.Pipe say; an error is what a refused connection says.
	Dial(ctx context.Context, in Pod, port int) (net.Conn, error)
}

// Lives is an Inside that wants to know when containers start and end, and says how they do. Its methods are called with the world's lock held,
// one at a time: they must ask the world nothing, and return at once.
type Lives interface {
	Inside
	// Started is called at each start of a container, before anybody can reach it. It may answer how the container behaves until its end,
	// instead of the knobs of its workload; nil: they decide.
	Started(in Pod) *Workload
	// Ended is called when a container that was started has ended, by itself or with its pod.
	Ended(in Pod)
}

// Pod is the place where something runs.
type Pod struct {
	Namespace, Name, Container string
	Owner                      string                       // the Deployment or StatefulSet, or the pod itself
	Labels                     map[string]string            // of the pod
	Env                        map[string]string            // of the container, with the values that secrets have now
	Claims                     map[string]string            // claim by the path where the container mounts it
	Files                      map[string]map[string]string // what mounted Secrets and ConfigMaps hold, by the path where the container mounts them
	Blank                      []string                     // claims on which nothing had been stored when it started
	Started                    time.Time                    // of the container
	Starts                     int                          // how often it had started before
	server                     *Server
}

// fresh begins the text on a volume that nobody but a container's start has written to.
const fresh = "data of a fresh "

// Content is the text on the volume behind a claim; empty when nothing has been stored there yet.
func (p Pod) Content(claim string) string {
	text, _ := p.server.ContentOf(p.Namespace, claim)
	if strings.HasPrefix(text, fresh) {
		return ""
	}
	return text
}

// SetContent replaces the text on the volume behind a claim: what snapshots copy, restored claims show and World compares.
func (p Pod) SetContent(claim, text string) error {
	return p.server.SetContent(p.Namespace, claim, text)
}

// place is a container that runs.
type place struct {
	Pod
	uid types.UID
	run int // number of the container's start
}

// runningError says that a container does not run, as a kubelet does.
type runningError struct {
	container string
	finished  bool // none will run again
}

func (e *runningError) Error() string { return fmt.Sprintf("container not found (%q)", e.container) }

// place finds the container that a request is about. What the API server itself finds wrong is an API error; a container that does not
// run is a *runningError.
func (s *Server) place(q *request) (place, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, err := s.find(q)
	if err != nil {
		return place{}, err
	}
	p := as[corev1.Pod](o)
	container, err := containerOf(p, q)
	if err != nil {
		return place{}, err
	}
	if p.Spec.NodeName == "" {
		return place{}, badRequest("pod %s does not have a host assigned", p.Name)
	}
	run := s.runs[p.UID]
	if run == nil || !run.running() {
		return place{}, &runningError{container.Name, finishedPod(p)}
	}
	return place{uid: p.UID, run: len(run.attempts), Pod: s.insideOf(p, container, run)}, nil
}

// insideOf is a container that runs as what is inside sees it.
func (s *Server) insideOf(p *corev1.Pod, c corev1.Container, run *podRun) Pod {
	in := Pod{Namespace: p.Namespace, Name: p.Name, Container: c.Name, Owner: s.workloadName(p), Labels: p.Labels, Env: s.envOf(p, c), Claims: map[string]string{},
		Files: map[string]map[string]string{}, Blank: run.blank, Started: run.attempts[len(run.attempts)-1].start, Starts: len(run.attempts) - 1, server: s}
	for _, m := range c.VolumeMounts {
		for _, v := range p.Spec.Volumes {
			switch {
			case v.Name != m.Name:
			case v.PersistentVolumeClaim != nil:
				in.Claims[m.MountPath] = v.PersistentVolumeClaim.ClaimName
			case v.Secret != nil:
				in.Files[m.MountPath] = s.dataOf(rSecret, p.Namespace, v.Secret.SecretName)
			case v.ConfigMap != nil:
				in.Files[m.MountPath] = s.dataOf(rConfigMap, p.Namespace, v.ConfigMap.Name)
			}
		}
	}
	return in
}

// begin starts a pod's container.
func (s *Server) begin(p *corev1.Pod, run *podRun) {
	run.attempts = append(run.attempts, attempt{start: s.now()})
	if lives, ok := s.inside.(Lives); ok {
		in := s.insideOf(p, p.Spec.Containers[0], run)
		run.life, run.told = lives.Started(in), &in
	}
}

// over tells that a container has ended which was told to have started.
func (s *Server) over(run *podRun) {
	if lives, ok := s.inside.(Lives); ok && run.told != nil {
		lives.Ended(*run.told)
		run.told = nil
	}
}

// stands says whether the container still runs that was found.
func (s *Server) stands(at place) bool {
	run := s.runs[at.uid]
	return run != nil && run.running() && len(run.attempts) == at.run
}

func containerOf(p *corev1.Pod, q *request) (corev1.Container, error) {
	if q.sub == "portforward" {
		return p.Spec.Containers[0], nil
	}
	var names []string
	for _, c := range p.Spec.Containers {
		names = append(names, c.Name)
	}
	switch name := q.query.Get("container"); {
	case name == "" && len(names) > 1:
		return corev1.Container{}, badRequest("a container name must be specified for pod %s, choose one of: %v", p.Name, names)
	case name != "" && !slices.Contains(names, name):
		return corev1.Container{}, badRequest("container %s is not valid for pod %s", name, p.Name)
	case name != "":
		return p.Spec.Containers[slices.Index(names, name)], nil
	}
	return p.Spec.Containers[0], nil
}

// envOf is the environment of a container.
func (s *Server) envOf(p *corev1.Pod, c corev1.Container) map[string]string {
	env := map[string]string{}
	for _, from := range c.EnvFrom {
		if from.SecretRef != nil {
			for k, v := range s.dataOf(rSecret, p.Namespace, from.SecretRef.Name) {
				env[from.Prefix+k] = v
			}
		}
		if from.ConfigMapRef != nil {
			for k, v := range s.dataOf(rConfigMap, p.Namespace, from.ConfigMapRef.Name) {
				env[from.Prefix+k] = v
			}
		}
	}
	for _, e := range c.Env {
		switch from := e.ValueFrom; {
		case from == nil:
			env[e.Name] = expand(e.Value, env)
		case from.SecretKeyRef != nil:
			env[e.Name] = s.dataOf(rSecret, p.Namespace, from.SecretKeyRef.Name)[from.SecretKeyRef.Key]
		case from.ConfigMapKeyRef != nil:
			env[e.Name] = s.dataOf(rConfigMap, p.Namespace, from.ConfigMapKeyRef.Name)[from.ConfigMapKeyRef.Key]
		case from.FieldRef != nil:
			env[e.Name] = map[string]string{"metadata.name": p.Name, "metadata.namespace": p.Namespace, "status.podIP": p.Status.PodIP,
				"spec.nodeName": p.Spec.NodeName}[from.FieldRef.FieldPath]
		}
	}
	return env
}

var reference = regexp.MustCompile(`\$\(([A-Za-z_][A-Za-z0-9_]*)\)`)

// expand replaces $(NAME) by a variable that was set before.
func expand(v string, env map[string]string) string {
	return reference.ReplaceAllStringFunc(v, func(ref string) string {
		if value, ok := env[ref[2:len(ref)-1]]; ok {
			return value
		}
		return ref
	})
}

// dataOf is what a Secret or ConfigMap holds, in plain text.
func (s *Server) dataOf(r *resource, ns, name string) map[string]string {
	o := s.store.get(r, ns, name)
	if o == nil {
		return nil
	}
	out := map[string]string{}
	data, _ := o.Object["data"].(map[string]any)
	for k, v := range data {
		text, _ := v.(string)
		if r == rSecret {
			if b, err := base64.StdEncoding.DecodeString(text); err == nil {
				text = string(b)
			}
		}
		out[k] = text
	}
	return out
}
