package commitment

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
)

// scanned reads a text as one log, in blocks of a size and with lines of a greatest length.
func scanned(t *testing.T, text string, block, longest int) *tally {
	t.Helper()
	s := newScanner(newBlocks(block, longest), longest)
	s.ahead = block%2 == 1
	if err := s.read(context.Background(), strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	return s.t
}

func reportOf(t *testing.T, text string) Report {
	t.Helper()
	return scanned(t, text, blockSize, lineMax).report(1, nil, Options{})
}

// short is an entry as tables have it.
func short(all []Entry) (lines []string) {
	for _, e := range all {
		lines = append(lines, fmt.Sprintf("%s %v %v", e.Counterparty, e.From, e.To))
	}
	return lines
}

const (
	beta     = "Beta-SV::1220c0ffee12 2026-01-11T08:00:00Z 2026-01-11T08:30:00Z"
	echo     = "Echo-SV::1220ec00 2026-01-11T08:00:00Z 2026-01-11T08:30:00Z"
	half     = "CommitmentPeriod(fromExclusive = 2026-01-11T08:00:00Z, toInclusive = 2026-01-11T08:30:00Z)"
	correct  = "Commitment correct for sender PAR::Beta-SV::1220c0ffee12... and period " + half
	logger   = `"logger_name":"c.d.c.p.p.AcsCommitmentProcessor:participant=participant/psid=global-domain","thread_name":"canton-env-ec-41"`
	prefix   = "2026-01-11 08:30:07,412 [canton-env-ec-41] INFO  c.d.c.p.p.AcsCommitmentProcessor:participant=participant/psid=global-domain tid:9d2c - "
	mismatch = "ACS_COMMITMENT_MISMATCH(5,e37a6a5b): The local commitment does not match the remote commitment"
	remote   = `AcsCommitment(\n  synchronizerId = global-domain::1220dd..,\n  sender = PAR::Echo-SV::1220ec00...,\n  counterParticipant = PAR::Acme-SV::1220aa00...,\n  period = ` + half + `,\n  commitment = SHA-256:e2c0...\n)`
)

func TestLines(t *testing.T) {
	jsonLine := func(message string) string {
		return `{"@timestamp":"2026-01-11T08:30:07.412Z","message":"` + message + `",` + logger + `,"level":"INFO"}`
	}
	none := []string(nil)
	for _, c := range []struct {
		name, log            string
		agreements, mismatch []string
		decoys               int64
	}{
		{"JSON of Canton 3.4", jsonLine(correct), []string{beta}, none, 0},
		{"JSON with the encoder's defaults, DEBUG", `{"@timestamp":"2024-04-21T23:25:03.118Z","@version":"1","message":"Commitment correct for sender PAR::Digital-Asset-Eng-4::12205f1149bc... and period CommitmentPeriod(fromExclusive = 2024-04-21T23:24:00Z, toInclusive = 2024-04-21T23:25:00Z)","logger_name":"c.d.c.p.p.AcsCommitmentProcessor:participant=participant/domain=global-domain","level":"DEBUG","level_value":10000}`,
			[]string{"Digital-Asset-Eng-4::12205f1149bc 2024-04-21T23:24:00Z 2024-04-21T23:25:00Z"}, none, 0},
		{"text", prefix + correct, []string{beta}, none, 0},
		{"text with CRLF", prefix + correct + "\r\n" + prefix + "Processing 2 remote commitments\r\n", []string{beta}, none, 1},
		{"Docker around JSON", marshalled(map[string]string{"log": jsonLine(correct) + "\n", "stream": "stdout", "time": "2026-01-11T08:30:07.413220911Z"}), []string{beta}, none, 0},
		{"CRI around text", "2026-01-11T08:31:00.001234567Z stdout F " + prefix + correct, []string{beta}, none, 0},
		{"CRI, split in the middle of the words", "2026-01-11T08:31:00.001234567Z stdout P " + prefix + correct[:7] + "\n2026-01-11T08:31:00.002Z stderr F something else\n2026-01-11T08:31:00.001234567Z stdout F " + correct[7:], []string{beta}, none, 0},
		{"Docker, split in the middle of the words", `{"log":"` + prefix + correct[:20] + `","stream":"stdout","time":"2026-01-11T08:30:07.4Z"}` + "\n" + `{"log":"` + correct[20:] + `\n","stream":"stdout","time":"2026-01-11T08:30:07.4Z"}`, []string{beta}, none, 0},
		{"a collector's message", marshalled(map[string]any{"message": prefix + correct, "timestamp": "2026-01-11T08:30:07.4Z"}), []string{beta}, none, 0},
		{"a collector's line with JSON in it", marshalled(map[string]any{"line": jsonLine(correct)}), []string{beta}, none, 0},
		{"a collector's jsonPayload", `{"insertId":"1","jsonPayload":` + jsonLine(correct) + `,"severity":"INFO"}`, []string{beta}, none, 0},
		{"an encoder that escapes too much", strings.ReplaceAll(jsonLine(correct), "=", `\u003d`), []string{beta}, none, 0},
		{"without PAR and with two dots", prefix + strings.Replace(strings.Replace(correct, "PAR::", "", 1), "...", "..", 1), []string{beta}, none, 0},
		{"with the whole fingerprint", prefix + strings.Replace(correct, "1220c0ffee12...", "1220"+strings.Repeat("ab", 32), 1),
			[]string{strings.Replace(beta, "1220c0ffee12", "1220"+strings.Repeat("ab", 32), 1)}, none, 0},
		{"fractions of a second", prefix + "Commitment correct for sender PAR::a.b-c::1220ab.. and period CommitmentPeriod(fromExclusive = 2026-09-16T09:29:00.784783Z, toInclusive = 2026-09-16T09:30:00.500Z)",
			[]string{"a.b-c::1220ab 2026-09-16T09:29:00.784783Z 2026-09-16T09:30:00.500Z"}, none, 0},
		{"the first period", prefix + "Commitment correct for sender PAR::a::1220ab.. and period CommitmentPeriod(fromExclusive = 0001-01-01T00:00:00Z, toInclusive = 2026-09-16T09:30:00Z)",
			[]string{"a::1220ab 0001-01-01T00:00:00Z 2026-09-16T09:30:00Z"}, none, 0},
		{"twice is once", jsonLine(correct) + "\n" + prefix + correct, []string{beta}, none, 0},
		{"two forms of one fingerprint", prefix + correct + "\n" + prefix + strings.Replace(correct, "c0ffee12...", "c0ffee12ab..", 1),
			[]string{strings.Replace(beta, "ee12", "ee12ab", 1)}, none, 0},
		{"several in one line", "[" + jsonLine(correct) + "," + jsonLine(strings.Replace(correct, "Beta", "Alpha", 1)) + "]", []string{strings.Replace(beta, "Beta", "Alpha", 1), beta}, none, 0},
		{"the start of a line is gone", correct[40:] + "\n" + prefix + correct, []string{beta}, none, 1},
		{"the end of a line is gone", prefix + correct[:len(correct)-3], none, none, 1},
		{"formats change", prefix + correct + "\n" + jsonLine(strings.Replace(correct, "Beta", "Gamma", 1)) + "\n\n{\n" + "2026-01-11T08:31:00.001234567Z stdout F " + prefix + strings.Replace(correct, "Beta", "Zeta", 1),
			[]string{beta, strings.Replace(beta, "Beta", "Gamma", 1), strings.Replace(beta, "Beta", "Zeta", 1)}, none, 0},

		{"a mismatch in JSON", `{"message":"` + mismatch + `",` + logger + `,"level":"WARN","error-code":"ACS_COMMITMENT_MISMATCH(5,e37a6a5b)","local":"Vector((CommitmentPeriod(fromExclusive = 2026-01-11T07:00:00Z, toInclusive = 2026-01-11T07:30:00Z), SHA-256:cfd7...))","remote":"` + remote + `"}`, none, []string{echo}, 0},
		{"a mismatch in JSON in Docker", marshalled(map[string]string{"log": `{"message":"` + mismatch + `",` + logger + `,"remote":"` + remote + `"}` + "\n"}), none, []string{echo}, 0},
		{"a mismatch in JSON that was cut at its start", mismatch[20:] + `",` + logger + `,"error-code":"ACS_COMMITMENT_MISMATCH(5,e37a6a5b)","remote":"` + remote + `"}`, none, []string{echo}, 0},
		{"a mismatch in text", prefix + mismatch + " err-context:{local=Vector((" + half + ", SHA-256:cfd7...)), remote=" + strings.ReplaceAll(remote, `\n`, "\n") + "}\n" + prefix + correct, []string{beta}, []string{echo}, 0},
		{"a mismatch in text in CRI", "2026-01-11T08:31:00.001234567Z stdout F " + strings.ReplaceAll(prefix+mismatch+" err-context:{remote="+strings.ReplaceAll(remote, `\n`, "\n")+"}", "\n", "\n2026-01-11T08:31:00.001234567Z stdout F "), none, []string{echo}, 0},
		{"a mismatch that does not say with whom", prefix + mismatch + "\n" + prefix + correct, []string{beta}, none, 0},
		{"a mismatch that does not say with whom, and lines without a date", prefix + mismatch + "\n" + correct + "\nReceivedAcsCmt(" + half + ",PAR::Echo-SV::1220ec00..,None,None,Mismatch)\n", []string{beta}, []string{echo}, 0},
		{"no shared contracts", `{"message":"ACS_MISMATCH_NO_SHARED_CONTRACTS(5,e3): no shared contracts",` + logger + `,"remote":"` + remote + `"}`, none, []string{echo}, 0},

		{"checking", "2026-01-11T08:31:00.001234567Z stdout F 2026-01-11 08:31:00,001 [canton-env-ec-9] INFO  c.d.c.p.p.AcsCommitmentProcessor:participant=participant - Checking commitment (purportedly by) PAR::Delta-SV::1220d00d0002... for period " + half, none, none, 1},
		{"Canton 3.6", `{"message":"Matching received ACS commitment from Beta-SV::1220c0ffee12ab.. at offset 48211 for period ` + half + `","logger_name":"c.d.c.p.c.ReceivedAcsCommitmentMatcher:participant=participant","level":"DEBUG"}`, none, none, 1},
		{"own progress", jsonLine("Deleted buffered commitments and set last computed and sent timestamp set to 2026-01-11T08:30:00Z"), none, none, 1},
		{"buffering", jsonLine(`Buffering ` + remote + ` for later processing`), none, none, 1},
		{"pruned", jsonLine("Ignoring incoming commitment for a pruned period: " + half), none, none, 1},
		{"nothing here", jsonLine(" PAR::Beta-SV::1220c0ffee12... send a non-empty ACS, but local ACS was empty. returned an empty ACS counter-commitment."), none, none, 1},
		{"catch-up", jsonLine("Period " + half + " is a catch-up period true with 4 intervals"), none, none, 1},
		{"not sent", jsonLine("Failed to send commitment message batch for period " + half + ": x"), none, none, 1},
		{"wrong signature", jsonLine("Received wrong signature for ACS commitment at timestamp 2026-01-11T08:30:00Z"), none, none, 1},
		{"a period that ends before it begins", prefix + "Commitment correct for sender PAR::Beta-SV::1220c0.. and period CommitmentPeriod(fromExclusive = 2026-01-11T08:30:00Z, toInclusive = 2026-01-11T08:00:00Z)", none, none, 1},
		{"a day that is none", prefix + strings.ReplaceAll(correct, "01-11", "02-30"), none, none, 1},
		{"a sender that is none", prefix + strings.Replace(correct, "Beta-SV::1220c0ffee12...", "somebody", 1), none, none, 1},
		{"nothing about commitments", jsonLine("Commitments are a fine thing") + "\nCamp CO CS Cmt( \n", none, none, 1},

		{"console", "res1: Map(global-domain::1220 -> Vector(ReceivedAcsCmt(" + half + ",PAR::Beta-SV::1220c0ffee12..,Some(SHA-256:9a5a..),Some(SHA-256:9a5a..),Match), ReceivedAcsCmt(" + half + ",PAR::Gamma-SV::1220aa..,Some(SHA-256:9a5a..),None,Buffered), ReceivedAcsCmt(" + half + ",PAR::Delta-SV::1220aa..,None,None,Outstanding), ReceivedAcsCmt(" + half + ",PAR::Echo-SV::1220ec00..,None,None,Mismatch)))",
			[]string{beta}, []string{echo}, 2},
		{"console, broken over lines", "  ReceivedAcsCmt(\n    period = CommitmentPeriod(fromExclusive = 2026-01-11T08:00:00Z,\n      toInclusive = 2026-01-11T08:30:00Z),\n    counterparticipant = PAR::Beta-\n    SV::1220c0ffee12..,\n    state = Match\n  ),\n  ReceivedAcsCmt(" + half + ",PAR::Echo-SV::1220ec00..,Mis\nmatch)\n",
			[]string{beta}, []string{echo}, 0},
		{"console, sent", "SentAcsCmt(" + half + ",PAR::Beta-SV::1220c0ffee12..,Some(x),Some(x),Match)", none, none, 1},
		{"console, cut off", "ReceivedAcsCmt(" + half + ",PAR::Beta-SV::1220c0ff", none, none, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := reportOf(t, c.log)
			if diff := cmp.Diff(c.agreements, short(r.Agreements)); diff != "" {
				t.Errorf("agreements (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.mismatch, short(r.Mismatches)); diff != "" {
				t.Errorf("mismatches (-want +got):\n%s", diff)
			}
			if r.Scanned.Decoys != c.decoys {
				t.Errorf("%d decoys, want %d", r.Scanned.Decoys, c.decoys)
			}
		})
	}
}

// A log of a whole network says what was put into it, in every wrapping and in all of them at once, wherever blocks end.
func TestNetworks(t *testing.T) {
	seed := uint64(7)
	for i := range 60 {
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		n := newNetwork(r, 2+r.IntN(6), 1+r.IntN(8), []time.Duration{time.Minute, 30 * time.Minute, 1500 * time.Millisecond}[r.IntN(3)])
		n.silent = func(_, _ string, _ int) bool { return r.IntN(6) == 0 }
		n.wrong = func(_, _ string, _ int) bool { return r.IntN(9) == 0 }
		remember(n)
		of := wrappings
		if i < 2*len(wrappings) {
			of = wrappings[i/2 : i/2+1]
		}
		observer := n.names[r.IntN(len(n.names))]
		log, want := n.log(r, observer, of...), n.report(observer)
		for _, block := range []int{blockSize, 1 + r.IntN(20000)} {
			got := scanned(t, log, block, 4<<10).report(1, nil, Options{Reporter: observer})
			if diff := cmp.Diff(want.Agreements, got.Agreements); diff != "" {
				t.Fatalf("network %d, blocks of %d: agreements (-want +got):\n%s", i, block, diff)
			}
			if diff := cmp.Diff(want.Mismatches, got.Mismatches); diff != "" {
				t.Fatalf("network %d, blocks of %d: mismatches (-want +got):\n%s", i, block, diff)
			}
		}
	}
}

// remember makes what a network says by chance the same each time that it is asked.
func remember(n *network) {
	for _, f := range []*func(string, string, int) bool{&n.silent, &n.wrong} {
		ask, known := *f, map[string]bool{}
		*f = func(a, b string, tick int) bool {
			key := fmt.Sprint(a, b, tick)
			if _, ok := known[key]; !ok {
				known[key] = ask(a, b, tick)
			}
			return known[key]
		}
	}
}

// It does not matter how a reader hands its bytes out, nor how large the blocks are, nor where in them a line lies.
func FuzzScan(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	n := newNetwork(r, 3, 2, time.Minute)
	for _, w := range wrappings {
		f.Add([]byte(n.log(r, n.names[0], w)), uint16(1))
	}
	f.Add([]byte(n.log(r, n.names[0], wrappings...)), uint16(77))
	f.Add([]byte("x"+strings.Repeat("y", 5000)+correct+strings.Repeat(" ReceivedAcsCmt("+half+",A::1220,Match)", 300)+"\n"+prefix+correct), uint16(3))
	f.Add([]byte("2026-01-11T08:31:00.001234567Z stdout P "+strings.Repeat("z", 3000)+"\n2026-01-11T08:31:00.001234567Z stdout F "+correct), uint16(900))
	f.Add([]byte(prefix+mismatch+"\n  sender = a\n"+strings.Repeat("\n", 100)), uint16(4096))
	f.Fuzz(func(t *testing.T, log []byte, shift uint16) {
		const longest = 2 << 10
		read := func(block int, ahead bool, r io.Reader) *tally {
			s := newScanner(newBlocks(block, longest), longest)
			s.ahead = ahead
			if err := s.read(context.Background(), r); err != nil {
				t.Fatal(err)
			}
			if len(s.open.held())+len(s.chains[0].text)+len(s.chains[1].text) > 0 {
				t.Fatal("something is held after the end")
			}
			return s.t
		}
		want := read(64<<10, false, bytes.NewReader(log))
		for _, got := range []*tally{read(1+int(shift)%5000, true, bytes.NewReader(log)), read(64<<10, false, &pieced{log, int(shift)%97 + 1})} {
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(tally{}, entry{}, period{}, levels{}, clock{})); diff != "" {
				t.Fatalf("(-one block +several):\n%s", diff)
			}
		}
	})
}

func (s *statement) held() []byte {
	if s == nil {
		return nil
	}
	return s.text
}

// pieced hands out few bytes at a time.
type pieced struct {
	left []byte
	size int
}

func (p *pieced) Read(to []byte) (int, error) {
	if len(p.left) == 0 {
		return 0, io.EOF
	}
	n := copy(to, p.left[:min(len(p.left), p.size)])
	p.left = p.left[n:]
	return n, nil
}

// Agreements are found in a line that never ends, wherever blocks cut it, and each once.
func TestALongLine(t *testing.T) {
	for _, gap := range []int{10, 1000, 20000, 100001} {
		var b strings.Builder
		want := map[string]bool{}
		for i := range 40 {
			fmt.Fprintf(&b, "%s Commitment correct for sender PAR::SV-%d::1220ab... and period %s", strings.Repeat("C", gap+i*7), i, half)
			want[fmt.Sprintf("SV-%d::1220ab", i)] = true
			fmt.Fprintf(&b, "ReceivedAcsCmt(%s,PAR::Row-%d::1220ab..,Match)", half, i)
			want[fmt.Sprintf("Row-%d::1220ab", i)] = true
		}
		text := b.String() + "\n" + prefix + correct + "\n"
		for _, shift := range []int{0, 1, 511, 20000} {
			got := scanned(t, strings.Repeat("\n", shift)+text, 1+shift+gap, 40<<10)
			if len(got.agreed) != 81 || got.kinds[Agreements] != 41 || got.kinds[RowsMatch] != 40 {
				t.Fatalf("gap %d, shift %d: %d agreements from %d lines and %d rows", gap, shift, len(got.agreed), got.kinds[Agreements], got.kinds[RowsMatch])
			}
		}
	}
}

// endless is a line of many bytes that nobody has to hold, with an agreement after it.
type endless struct {
	left int
	tail *strings.Reader
}

func (e *endless) Read(p []byte) (int, error) {
	if e.left == 0 {
		return e.tail.Read(p)
	}
	n := min(len(p), e.left)
	for i := range p[:n] {
		p[i] = 'x'
	}
	e.left -= n
	return n, nil
}

func TestALineOfAGibibyte(t *testing.T) {
	s := newScanner(newBlocks(blockSize, lineMax), lineMax)
	s.ahead = true
	if err := s.read(context.Background(), &endless{1 << 30, strings.NewReader(correct + "\n")}); err != nil {
		t.Fatal(err)
	}
	if len(s.t.agreed) != 1 || s.t.lines != 1 || s.t.bytes < 1<<30 {
		t.Errorf("%d agreements in %d lines of %d bytes", len(s.t.agreed), s.t.lines, s.t.bytes)
	}
}

func gzipped(text string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, text)
	w.Close()
	return b.Bytes()
}

func zstded(t *testing.T, text string) []byte {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll([]byte(text), nil)
}

func write(t *testing.T, files map[string][]byte) string {
	t.Helper()
	folder := t.TempDir()
	for name, data := range files {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func TestFiles(t *testing.T) {
	line := func(name string) string {
		return prefix + strings.Replace(correct, "Beta", name, 1) + "\n"
	}
	long := strings.Repeat(prefix+"nothing\n", 20000)
	folder := write(t, map[string][]byte{
		"0.log":                 []byte(line("Plain")),
		"0.log.20260111-083007": gzipped(line("Gzip")), // known by its bytes
		"old/1.log.gz":          append(gzipped(line("Member-1")), gzipped(line("Member-2"))...),
		"old/2.log.zst":         zstded(t, line("Zstd")),
		"old/cut.gz":            gzipped(line("Before-the-cut") + long)[:500],
		"old/damaged.zst":       append(zstded(t, line("Before")+long), 1, 2, 3, 4, 5),
		"old/empty":             {},
		"old/packed.xz":         []byte("\xfd7zXZ\x00 and so on"),
	})
	if err := os.Symlink(filepath.Join(folder, "0.log"), filepath.Join(folder, "link.log")); err != nil {
		t.Fatal(err)
	}
	from, err := Files([]string{folder, filepath.Join(folder, "0.log")})
	if err != nil {
		t.Fatal(err)
	}
	var first Result
	for workers := range 5 {
		r, err := Scan(context.Background(), from, Options{Workers: workers + 1, Reporter: "Acme-SV"})
		if err != nil {
			t.Fatal(err)
		}
		if workers == 0 {
			first = r
		} else if diff := cmp.Diff(first, r); diff != "" {
			t.Errorf("%d at a time (-one at a time +several):\n%s", workers+1, diff)
		}
	}
	var names []string
	for _, e := range first.Agreements {
		names = append(names, strings.TrimSuffix(e.Counterparty, "-SV::1220c0ffee12"))
	}
	if diff := cmp.Diff([]string{"Before", "Before-the-cut", "Gzip", "Member-1", "Member-2", "Plain", "Zstd"}, names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	told := strings.Join(first.Warnings, "\n")
	for _, want := range []string{"cut.gz is cut off", "damaged.zst was read to byte", "its zstd compression is damaged there", "packed.xz was not read: it is packed with xz"} {
		if !strings.Contains(told, want) {
			t.Errorf("no %q in\n%s", want, told)
		}
	}
	if first.Scanned.Files != 7 || first.Unread != 1 {
		t.Errorf("%d files, %d unread", first.Scanned.Files, first.Unread)
	}
	if _, err := Files([]string{filepath.Join(folder, "nowhere")}); !os.IsNotExist(err) {
		t.Errorf("a path that is not there: %v", err)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Scan(ended, from, Options{}); err == nil {
		t.Error("a scan that was stopped has a result")
	}
}

func TestWarnings(t *testing.T) {
	at := func(level, message string) string {
		return `{"@timestamp":"2026-01-11T08:30:07.412Z","message":"` + message + `",` + logger + `,"level":"` + level + `"}` + "\n"
	}
	plainLine := func(level, clock string) string {
		return `{"@timestamp":"` + clock + `","message":"hello","logger_name":"x","level":"` + level + `"}` + "\n"
	}
	three6 := `{"message":"Matching received ACS commitment from Beta-SV::1220.. at offset 1 for period ` + half + `","level":"DEBUG"}` + "\n"
	back := ""
	for i := range 30 {
		back += plainLine("DEBUG", fmt.Sprintf("2026-01-11T08:%02d:00Z", i+1))
	}
	back += plainLine("DEBUG", "2026-01-11T08:05:00Z")
	for _, c := range []struct{ name, log, want string }{
		{"agreements", at("INFO", correct), ""},
		{"nothing", "", "nothing to read"},
		{"only INFO", plainLine("INFO", "2026-01-11T08:30:07Z"), "none of the lines that were looked at has level DEBUG"},
		{"decoys at INFO", at("INFO", "Processing 1 remote commitments"), "none of the lines that were looked at has level DEBUG"},
		{"decoys at DEBUG", at("DEBUG", "Processing 1 remote commitments"), "although the level would let it"},
		{"other logs", plainLine("DEBUG", "2026-01-11T08:30:07Z"), "not the logs of a participant"},
		{"Canton 3.6", three6, "does not log which commitments agree"},
		{"an upgrade to Canton 3.6", at("INFO", correct) + three6, "after the upgrade is missing"},
		{"a cut line", at("INFO", correct) + correct[:60], "1 line that says agreement is cut off"},
		{"a nameless mismatch", at("INFO", correct) + at("WARN", mismatch), "1 mismatch does not say with whom"},
		{"a clock that was set", back + at("INFO", correct), "go back by 25m0s after 2026-01-11T08:30:00Z"},
		{"a clock that is behind", strings.Replace(at("INFO", correct), "08:30:07", "08:20:07", 1), "1 agreed period ends after the time of the line"},
		{"a name that is too short", at("INFO", correct) + at("INFO", strings.Replace(correct, "c0ffee12", "c0ffee99", 1)) + at("INFO", strings.Replace(correct, "c0ffee12", "c0", 1)), "Beta-SV::1220c0 can be Beta-SV::1220c0ffee12 or Beta-SV::1220c0ffee99"},
	} {
		t.Run(c.name, func(t *testing.T) {
			told := strings.Join(reportOf(t, c.log).Warnings, "\n")
			if c.want == "" && told != "" || !strings.Contains(told, c.want) {
				t.Errorf("no %q in %q", c.want, told)
			}
		})
	}
}
