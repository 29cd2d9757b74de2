package command

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/upload"
	"canton.example/svrescue/steps/engine/runs"
	"canton.example/svrescue/steps/wire"
	"github.com/spf13/cobra"
)

// uploadDocument is what `upload --format json` prints.
type uploadDocument struct {
	Version   int     `json:"version"`
	Namespace string  `json:"namespace"`
	Pod       string  `json:"pod"` // through which it was written
	Container string  `json:"container"`
	Path      string  `json:"path"`
	Bytes     int64   `json:"bytes"`
	SHA256    string  `json:"sha256"`
	Mode      string  `json:"mode"` // empty where it was there already
	User      string  `json:"user"`
	Group     string  `json:"group"`
	Already   bool    `json:"already"`
	Old       *string `json:"old"` // where what was there before is now
	Sent      int64   `json:"sent"`
	Resumed   int64   `json:"resumed"`
	Cuts      int     `json:"cuts"`
	Helper    bool    `json:"helper"`
}

type uploadFlags struct {
	container          string
	keepOld, startOver bool
	helper             bool
	stall, retry       time.Duration
}

func (p *program) uploadCommand() *cobra.Command {
	var f uploadFlags
	c := &cobra.Command{Use: "upload FILE NAMESPACE/POD:PATH", Short: "Copy a file into a pod, verified, and resumed where it was cut",
		Long: "Copies FILE to PATH in a pod, or in the pod of a deployment or statefulset of that name. It is written beside PATH first, as PATH.part.\n" +
			"What a broken connection leaves is hashed in the pod, and only what does not fit is sent again, also by the same command later.\n" +
			"When all of it is there the pod makes it durable and hashes it; only if that is the hash of FILE it gets its name, readable by the\n" +
			"user of the container alone. A file that is there is refused, unless it is the same already.\n\n" +
			"The container needs sh, dd (with iflag=fullblock), cat, sha256sum, stat, mv, rm and chmod. Whether the images of the\n" +
			"apps have them is looked for first.\n\n" +
			"--helper-pod is for an app that does not run: a pod with the app's image, user and group mounts the claim on the right node. It\n" +
			"is shown and asked for, and taken away at the end, also after an interrupt.\n\n" +
			"Exit codes: 0 it is there, verified; 1 failed, and the same command goes on where it ended; 2 the command line or the configuration\n" +
			"is wrong; 3 refused, with the reason; 4 the helper pod was asked for, and the answer was not yes; 130 interrupted.",
		Example: "  svrescue upload domain_migration_dump.json sv/sv-app-7c9f-x2x:/domain-upgrade-dump/domain_migration_dump.json\n" +
			"  svrescue upload --helper-pod domain_migration_dump.json sv/sv-app:/domain-upgrade-dump/domain_migration_dump.json",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usage("upload takes a file and a target, like sv/sv-app:/domain-upgrade-dump/domain_migration_dump.json; see: %s --help", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := parseTarget(args[1])
			if err != nil {
				return err
			}
			if f.stall <= 0 || f.retry < 0 {
				return usage("--stall is a length of time more than 0, and --retry-for not less")
			}
			return p.upload(cmd.Context(), f, args[0], t)
		},
	}
	l := c.Flags()
	l.StringVarP(&f.container, "container", "c", "", "container of the pod (default: the one that mounts PATH)")
	l.BoolVar(&f.keepOld, "keep-old", false, "move a file that is at PATH aside, with a time in its name")
	l.BoolVar(&f.startOver, "start-over", false, "throw away a PATH.part that is of another file")
	l.BoolVar(&f.helper, "helper-pod", false, "write through a pod of its own, because the app's does not run")
	l.DurationVar(&f.stall, "stall", time.Minute, "how long the pod may take nothing before the connection is given up")
	l.DurationVar(&f.retry, "retry-for", 30*time.Minute, "how long further tries are made while none gets any further")
	return c
}

// uploadTarget is a path in a pod, or in that of a workload.
type uploadTarget struct{ namespace, name, path string }

func parseTarget(text string) (uploadTarget, error) {
	where, path, ok := strings.Cut(text, ":")
	namespace, name, has := strings.Cut(where, "/")
	if !ok || !has || namespace == "" || name == "" || strings.Contains(name, "/") || !strings.HasPrefix(path, "/") || strings.HasSuffix(path, "/") {
		return uploadTarget{}, usage("the target is NAMESPACE/POD:PATH with the whole path of the file to be, like sv/sv-app:/domain-upgrade-dump/domain_migration_dump.json, and not %q", plain.Cut(plain.Line(text), 120))
	}
	return uploadTarget{namespace, name, path}, nil
}

func (p *program) upload(ctx context.Context, f uploadFlags, file string, t uploadTarget) error {
	quietLogs(io.Discard)
	cluster, err := connect(runs.Spec{World: wire.Real, Kubeconfig: p.kubeconfig(), Context: p.config.Context, Namespace: t.namespace}, p.Clock)
	if err != nil {
		return err
	}
	at, err := cluster.Carry(ctx, t.namespace, t.name, f.container, t.path)
	switch kube.KindOf(err) {
	case "":
	case kube.NotFound:
		return exit(exitRefused, err)
	default:
		return err
	}
	if !at.Running && !f.helper {
		state := "there is no pod of " + at.Workload
		if at.Pod != "" {
			state = fmt.Sprintf("container %s of pod %s does not run (%s)", at.Container, at.Pod, at.State)
		}
		return exit(exitRefused, fmt.Errorf("nothing was sent: %s.\n  Next: --helper-pod writes to its claim %s through a pod of its own", state, at.Claim))
	}
	line := p.transferring("hashing " + plain.Cut(plain.Line(file), 60))
	source, err := upload.Open(ctx, file, line.at)
	line.end()
	switch {
	case notThere(err):
		return usage("there is no %s", plain.Line(file))
	case ctx.Err() != nil:
		return exit(exitInterrupted, errors.New("the upload was interrupted before anything was sent"))
	case err != nil:
		return refusedUpload(err)
	}
	defer source.Close()
	u := &uploading{program: p, flags: f, target: t, cluster: cluster, source: source}
	if f.helper {
		return u.throughHelper(ctx, at)
	}
	return u.copy(ctx, at.Pod, at.Container, false)
}

// uploading is one call of the command, once it is known what is sent to where.
type uploading struct {
	*program
	flags   uploadFlags
	target  uploadTarget
	cluster *kube.Cluster
	source  *upload.Source
}

func (u *uploading) copy(ctx context.Context, pod, name string, helper bool) error {
	line := u.transferring(string(upload.Looking))
	got, err := upload.Copy(ctx, u.pod(pod, name, helper), u.source, upload.Options{
		Path: u.target.path, Clock: u.Clock, KeepOld: u.flags.keepOld, StartOver: u.flags.startOver, Stall: u.flags.stall, Patience: u.flags.retry,
		Report: func(phase upload.Phase, done, total int64) {
			line.phase(string(phase))
			line.at(done, total)
		},
		Cut: func(err error, next time.Duration) {
			line.say("the copy was cut: %s. It goes on in %s, with what the pod does not have", cutText(err), next.Round(time.Second))
		},
	})
	line.end()
	switch {
	case err != nil && ctx.Err() != nil:
		return exit(exitInterrupted, fmt.Errorf("the upload was interrupted. %s has no half of it; what came is kept beside it, and the same command goes on with it", u.target.path))
	case err != nil:
		return refusedUpload(err)
	}
	d := uploadDocument{Version: 1, Namespace: u.target.namespace, Pod: pod, Container: name, Path: got.Path, Bytes: got.Size, SHA256: got.SHA256, Mode: got.Mode, User: got.User,
		Group: got.Group, Already: got.Already, Sent: got.Sent, Resumed: got.Resumed, Cuts: got.Cuts, Helper: helper}
	if got.Old != "" {
		d.Old = &got.Old
	}
	if u.json() {
		return u.printDocument(d)
	}
	return u.print(uploadText(d))
}

func cutText(err error) string {
	var e *kube.Error
	if errors.As(err, &e) {
		return e.Seen
	}
	return err.Error()
}

// refusedUpload is an error with the exit code that fits.
func refusedUpload(err error) error {
	var r *upload.Refused
	if errors.As(err, &r) {
		return exit(exitRefused, fmt.Errorf("nothing got its name in the pod: %w", err))
	}
	return err
}

func uploadText(d uploadDocument) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s/%s:%s\n  size         %d bytes\n  SHA-256      %s, hashed in the pod\n", d.Namespace, d.Pod, d.Path, d.Bytes, d.SHA256)
	switch {
	case d.Already:
		fmt.Fprintf(&b, "It was there already, and nothing was sent.\n")
		return []byte(b.String())
	case d.Mode != "":
		fmt.Fprintf(&b, "  rights       %s, user %s, group %s\n", d.Mode, d.User, d.Group)
	}
	fmt.Fprintf(&b, "  sent         %d bytes", d.Sent)
	if d.Resumed > 0 {
		fmt.Fprintf(&b, ", and %d were there from before", d.Resumed)
	}
	if d.Cuts > 0 {
		fmt.Fprintf(&b, "; it was cut %d times", d.Cuts)
	}
	b.WriteString("\n")
	if d.Old != nil {
		fmt.Fprintf(&b, "  before       what was there is now %s\n", *d.Old)
	}
	return []byte(b.String())
}

// said asks for a word: only that word counts, and the end of input is no answer.
func (p *program) said(word, question string) (bool, error) {
	if _, err := fmt.Fprintf(p.Err, "%s\nType %s: ", question, word); err != nil {
		return false, err
	}
	line, err := bufio.NewReader(p.In).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	return err == nil && strings.TrimSpace(line) == word, nil
}
