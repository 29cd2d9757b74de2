//go:build e2e

package e2e

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/e2e/node"
	"canton.example/svrescue/e2e/rig"
	"canton.example/svrescue/steps/postgres"
)

// TestDumpsBeside restores from what pg_dump and pg_dumpall write, into servers that run: new databases beside the old ones, which are
// kept. What is wrong with dumps shows before anything is touched, or before anything is put in place; everything is taken back; the
// worker is killed while it loads; and the kept databases go when they are released.
func TestDumpsBeside(t *testing.T) {
	t.Parallel()
	binary(t)
	ctx := within(t, 15*time.Minute)
	took := stopwatch(t)
	s := stage(t, ctx, node.Config{Namespace: "beside", Rows: 20000})
	good := s.dump(t, ctx, map[string]node.Form{"apps-pg": node.Cluster, "mediator": node.Gzip, "sequencer": node.Directory, "participant": node.Custom})
	must(t, s.node.Grow(ctx))
	young := t.TempDir()
	must(t, s.node.Dump(ctx, young, map[string]node.Form{"sv-app": node.Plain, "scan-app": node.Zstd, "validator-app": node.Custom,
		"mediator": node.Plain, "sequencer": node.Custom, "participant": node.Directory}))
	took("backed up")

	t.Run("refused", func(t *testing.T) { s.refuseDumps(t, ctx, good, young) })
	took("refused")
	must(t, s.node.LoseTables(ctx))
	had, err := s.node.Fingerprint(ctx)
	must(t, err)
	stored, err := s.node.Stored(ctx)
	must(t, err)
	s.look(t, ctx)
	s.stays = slices.DeleteFunc(s.node.Claims(), func(c string) bool { return c == s.node.CometBFTClaim })
	untouched := func(what string) {
		t.Helper()
		now, err := s.node.FingerprintDatabases(ctx)
		must(t, err)
		for _, d := range now.CompareWith(had.Databases()) {
			t.Errorf("%s: %s", what, d)
		}
	}
	took("damaged")

	// a row that does not fit its column is found by the server alone, in the middle of the load
	broken := copyOf(t, good)
	spoilRow(t, filepath.Join(broken, "backup-of-mediator"))
	o := newOperator(t, s.cluster, s.node.Namespace)
	r := o.run(ctx, "run", "restore", "--dumps", broken, "--answers", o.answers(s.node, s.run, besideAnswers...))
	o.expect(r, exitParked, "restoring a dump that does not load")
	o.says(r, "invalid input syntax for type bigint", "The database was not loaded; what it is to replace is untouched")
	untouched("after a load that failed")
	id := o.runID()
	back := append([]string{"restore/restore-databases.remedy", "undo", "restore/restore-databases.confirm", "undo",
		"restore/restore-volumes.confirm", "undo", "restore/keep-old-volumes.confirm", "undo", "restore/scale-down.confirm", "abort"}, besideAnswers...)
	r = o.run(ctx, "resume", id, "--answers", o.answers(s.node, s.run, back...))
	o.expect(r, exitFailed, "taking back a restore whose load failed")
	untouched("after everything was taken back")
	s.expectStored(t, ctx, stored)
	took("load failed")

	// loaded and put in place, then taken back
	o = newOperator(t, s.cluster, s.node.Namespace)
	r = o.run(ctx, "run", "restore", "--dumps", good, "--answers", o.answers(s.node, s.run, append([]string{"restore/scale-up.confirm", "park"}, besideAnswers...)...))
	o.expect(r, exitParked, "run restore, parked before anything is started")
	id = o.runID()
	in, err := s.node.FingerprintDatabases(ctx)
	must(t, err)
	for _, d := range in.CompareWith(s.saved.Databases()) {
		t.Error(d)
	}
	s.expectStored(t, ctx, append(slices.Clone(stored), aside(id, stored)...))
	r = o.run(ctx, "resume", id, "--answers", o.answers(s.node, s.run, append([]string{"restore/scale-up.confirm", "undo",
		"restore/prove-restored.confirm", "undo", "restore/restore-databases.confirm", "park"}, besideAnswers...)...))
	o.expect(r, exitParked, "resume, and take the load back")
	untouched("after the load was taken back")
	s.expectStored(t, ctx, stored)
	took("taken back")

	// and once more, with a worker that dies again and again
	answers := o.answers(s.node, s.run, besideAnswers...)
	o.expect(o.runThroughKills(ctx, loadKills(t), answers, "resume", id, "--answers", answers), exitDone, "resume to the end")
	took("restored")
	s.expectRestored(t, ctx, id)
	s.expectStored(t, ctx, append(slices.Clone(stored), aside(id, stored)...))
	folder, _ := o.folder()
	expectPrivate(t, folder)
	expectNoSecrets(t, folder, s)

	o.expect(o.run(ctx, "run", "release-old-volumes", "--answers", o.answers(s.node, "")), exitDone, "run release-old-volumes")
	s.expectStored(t, ctx, stored)
	end, err := s.node.Fingerprint(ctx)
	must(t, err)
	for _, d := range end.CompareWith(s.saved) {
		t.Error(d)
	}
	took("released")
}

// TestDumpsAnew restores from dumps where the servers cannot take them as they are. The volume of one is too small for a second copy,
// which is refused before anything is touched; insisted on, the disk becomes full, and after room is made the load is taken back and
// nothing has changed. Then a server does not start any more, and all are loaded on new, empty volumes.
func TestDumpsAnew(t *testing.T) {
	t.Parallel()
	binary(t)
	ctx := within(t, 15*time.Minute)
	took := stopwatch(t)
	small := "pg-data-mediator-pg-0"
	s := stage(t, ctx, node.Config{Namespace: "anew", Rows: 20000, Small: map[string]string{small: "400m"}})
	must(t, s.node.Bulk(ctx, "mediator-pg", "mediator_0", 60))
	good := s.dump(t, ctx, map[string]node.Form{"sv-app": node.Plain, "scan-app": node.Zstd, "validator-app": node.Directory,
		"mediator": node.Custom, "sequencer": node.Gzip, "participant": node.Plain})
	must(t, s.node.Grow(ctx))
	must(t, s.node.Fill(ctx, "mediator-pg", 36<<20))
	s.look(t, ctx)
	took("backed up")

	had, err := s.node.Fingerprint(ctx)
	must(t, err)
	stored, err := s.node.Stored(ctx)
	must(t, err)
	before := settledVersions(t, ctx, s.cluster, s.node.Namespace)
	o := newOperator(t, s.cluster, s.node.Namespace)
	r := o.run(ctx, "run", "restore", "--dumps", good, "--answers", o.answers(s.node, s.run, besideAnswers...))
	o.expect(r, exitRefused, "loading onto a volume without room")
	o.says(r, " MiB free, and a second copy of its databases needs about", "may not start again")
	expectUnchanged(t, ctx, s.cluster, s.node.Namespace, before)
	took("refused")

	r = o.run(ctx, "run", "restore", "--dumps", good, "--answers", o.insisting(s.node, s.run, "restore/preflight.remedy", "accept", besideAnswers...))
	o.expect(r, exitParked, "loading onto a volume without room, insisted on")
	o.says(r, "the disk of the server is full")
	id := o.runID()
	must(t, s.cluster.RemoveFrom(s.volumes[small], "filling"))
	must(t, rig.Poll(ctx, "the server does not come back", func(ctx context.Context) (bool, error) {
		_, err := s.node.Stored(ctx)
		return err == nil, err
	}))
	r = o.run(ctx, "resume", id, "--answers", o.answers(s.node, s.run, append([]string{"restore/restore-databases.remedy", "undo",
		"restore/restore-databases.confirm", "undo", "restore/restore-volumes.confirm", "undo", "restore/keep-old-volumes.confirm", "undo",
		"restore/scale-down.confirm", "abort"}, besideAnswers...)...))
	o.expect(r, exitFailed, "taking it back")
	must(t, s.node.WaitReady(ctx))
	now, err := s.node.Fingerprint(ctx)
	must(t, err)
	for _, d := range now.CompareWith(had) {
		t.Errorf("after a disk was full: %s", d)
	}
	s.expectStored(t, ctx, stored)
	took("disk full")

	must(t, s.node.Damage(ctx))
	took("damaged")
	o = newOperator(t, s.cluster, s.node.Namespace)
	answers := o.answers(s.node, s.run, "restore/backup-set.dumps", "default", "restore/backup-set.room", "default")
	r = o.runThroughKills(ctx, loadKills(t)[:1], answers, "run", "restore", "--dumps", good, "--answers", answers)
	o.expect(r, exitDone, "run restore on empty volumes")
	took("restored")
	s.expectRestored(t, ctx, o.runID())
	s.expectStored(t, ctx, stored)
}

// besideAnswers choose the folder of --dumps, and the servers as they run.
var besideAnswers = []string{"restore/backup-set.dumps", "default", "restore/backup-set.room", "beside"}

// dump backs up every database into a folder, and the blocks of CometBFT as a snapshot run.
func (s *scene) dump(t *testing.T, ctx context.Context, forms map[string]node.Form) string {
	t.Helper()
	s.run = node.RunID()
	must(t, s.node.BackupChain(ctx, s.run))
	folder := t.TempDir()
	must(t, s.node.Dump(ctx, folder, forms))
	var err error
	s.saved, err = s.node.Fingerprint(ctx)
	must(t, err)
	return folder
}

// refuseDumps offers sets of dumps that must not be restored. Each is refused before anything is touched.
func (s *scene) refuseDumps(t *testing.T, ctx context.Context, good, young string) {
	before := settledVersions(t, ctx, s.cluster, s.node.Namespace)
	stored, err := s.node.Stored(ctx)
	must(t, err)
	for _, c := range []struct {
		name string
		says []string
		make func(t *testing.T, folder string)
	}{
		{"archive cut off", []string{"backup-of-participant is not whole"}, func(t *testing.T, folder string) { cut(t, filepath.Join(folder, "backup-of-participant"), 2) }},
		{"compressed SQL cut off", []string{"nothing for database mediator_0"}, func(t *testing.T, folder string) { cut(t, filepath.Join(folder, "backup-of-mediator"), 2) }},
		{"cluster dump cut off", []string{"apps-pg-all.sql is not whole"}, func(t *testing.T, folder string) { cut(t, filepath.Join(folder, "apps-pg-all.sql"), 2) }},
		{"directory without a file", []string{"backup-of-sequencer is not whole"}, func(t *testing.T, folder string) {
			files, err := filepath.Glob(filepath.Join(folder, "backup-of-sequencer", "*.dat.gz"))
			must(t, err)
			must(t, os.Remove(files[0]))
		}},
		{"one is missing", []string{"nothing for database mediator_0"}, func(t *testing.T, folder string) { must(t, os.Remove(filepath.Join(folder, "backup-of-mediator"))) }},
		{"apps younger than the participant", []string{"the pair is reversed", "This cannot be overridden"}, func(t *testing.T, folder string) {
			must(t, os.Remove(filepath.Join(folder, "apps-pg-all.sql")))
			for _, app := range []string{"sv-app", "scan-app", "validator-app"} {
				must(t, copyFile(filepath.Join(young, "backup-of-"+app), filepath.Join(folder, "backup-of-"+app)))
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := copyOf(t, good)
			c.make(t, folder)
			o := newOperator(t, s.cluster, s.node.Namespace)
			r := o.run(ctx, "run", "restore", "--dumps", folder, "--answers", o.answers(s.node, s.run, besideAnswers...))
			o.expect(r, exitRefused, c.name)
			o.says(r, c.says...)
			o = newOperator(t, s.cluster, s.node.Namespace)
			r = o.run(ctx, "run", "restore", "--dumps", folder, "--answers", o.insisting(s.node, s.run, "restore/prove-set.remedy", "accept", besideAnswers...))
			o.expect(r, exitParked, c.name+", insisted on")
		})
	}
	expectUnchanged(t, ctx, s.cluster, s.node.Namespace, before)
	s.expectStored(t, ctx, stored)
}

// expectStored says which databases there are.
func (s *scene) expectStored(t *testing.T, ctx context.Context, want []string) {
	t.Helper()
	got, err := s.node.Stored(ctx)
	must(t, err)
	slices.Sort(got)
	want = slices.Sorted(slices.Values(want))
	if !slices.Equal(got, want) {
		t.Errorf("the databases are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// aside are the names under which a run keeps databases.
func aside(run string, stored []string) []string {
	var all []string
	for _, s := range stored {
		server, name, _ := strings.Cut(s, "/")
		all = append(all, server+"/"+postgres.OldName(name, run))
	}
	return all
}

// loadKills are moments during and after loads, by chance; E2E_SEED repeats them.
func loadKills(t *testing.T) []killPoint {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("E2E_SEED"); s != "" {
		var err error
		seed, err = strconv.ParseUint(s, 10, 64)
		must(t, err)
	}
	t.Logf("E2E_SEED=%d", seed)
	dice := rand.New(rand.NewPCG(seed, 0))
	within := func(d time.Duration) time.Duration { return time.Duration(dice.Int64N(int64(d))) }
	load := func(of string) *regexp.Regexp { return regexp.MustCompile(`restore/restore-databases load .*` + of) }
	return []killPoint{
		{"first load", load(""), within(500 * time.Millisecond)},
		{"load of the participant", load("participant"), within(1500 * time.Millisecond)},
		{"load of an app", load("cantonnet_"), within(time.Second)},
		{"swap", regexp.MustCompile(`restore/restore-databases put the loaded`), within(50 * time.Millisecond)},
	}
}

func copyOf(t *testing.T, folder string) string {
	t.Helper()
	to := t.TempDir()
	must(t, os.CopyFS(to, os.DirFS(folder)))
	return to
}

func copyFile(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o600)
}

// cut leaves one part in so many of a file.
func cut(t *testing.T, path string, parts int64) {
	t.Helper()
	info, err := os.Stat(path)
	must(t, err)
	must(t, os.Truncate(path, info.Size()-info.Size()/parts))
}

// spoilRow puts a word where a number is, in one of the last rows of a dump that is gzipped SQL.
func spoilRow(t *testing.T, path string) {
	t.Helper()
	text := gunzip(t, path)
	at := bytes.LastIndex(text, []byte("\n19990\t"))
	if at < 0 {
		t.Fatal("the dump does not have the row")
	}
	must(t, os.WriteFile(path, append(append(slices.Clone(text[:at+1]), "ninety"...), text[at+6:]...), 0o600))
}

func gunzip(t *testing.T, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	must(t, err)
	text, err := io.ReadAll(z)
	must(t, err)
	return text
}
