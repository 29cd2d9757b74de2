package reonboard

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/charts"
	"canton.example/svrescue/steps/wire"
)

// Answers that are no names.
const (
	scansTogether = "bft"
	newServer     = "new"
	none          = "none"
	goOn          = "go-on"
	endIt         = "end"
	wayHelm       = "helm"
	wayGitOps     = "gitops"
)

var validatorAsks = []steps.Ask{
	{Name: "namespace", Kind: wire.AskText, Help: "the namespace of the recovery validator; not that of the lost node"},
	{Name: "source", Kind: wire.AskText, Help: "the folder with the lost node's values files; or cluster, for Helm's records of it; or none"},
	{Name: "version", Kind: wire.AskText, Help: "the release of Splice that the network runs, where it is not known: 0.6.4"},
	{Name: "charts", Kind: wire.AskText, Help: "the folder with the charts, or a registry as oci://HOST/PATH"},
	{Name: "identifier", Kind: wire.AskText, Help: "the participant identifier of the recovery validator: never used on the network before, and the same on every retry"},
	{Name: "scan", Kind: wire.AskChoice, Help: "whose scan the validator trusts: the address of one, or bft for all together"},
	{Name: "users", Kind: wire.AskText, Help: "where the values do not tell: the users of the wallet, as sub of their tokens, with commas between"},
	{Name: "jwks", Kind: wire.AskText, Help: "where the values do not tell: the address of the login provider's keys (JWKS)"},
	{Name: "audience", Kind: wire.AskText, Help: "where the values do not tell: the audience of tokens for the validator's API"},
	{Name: "ledger", Kind: wire.AskText, Help: "where the values do not tell: the audience of tokens for the ledger API"},
	{Name: "database", Kind: wire.AskText, Help: "new, for a PostgreSQL server of its own; or the address of one that is there, as HOST or HOST:PORT"},
	{Name: "class", Kind: wire.AskChoice, Help: "the storage class of its volumes; none for that which the charts name"},
	{Name: "fatal", Kind: wire.AskChoice, Help: "after an earlier try: whether a fatal error ends the participant (end) or not (go-on)"},
	{Name: "extra", Kind: wire.AskText, Help: "a folder with values files of your own, RELEASE-values.yaml, which go over those that are derived; or none"},
	{Name: "way", Kind: wire.AskChoice, Help: "helm: this tool installs; gitops: you commit what it writes, and it watches"},
}

// validatorInputs are the questions that are still open. What the lost node's values tell is not asked.
func validatorInputs(ctx context.Context, w steps.World, f Facts) ([]wire.Question, error) {
	v := f.Validator
	a, was := v.Answers, v.Before
	text := func(name, proposed, title, why string) ([]wire.Question, error) {
		return []wire.Question{{Name: name, Kind: wire.AskText, Title: title, Text: why, Default: proposed}}, nil
	}
	if v.Namespace == "" {
		return text("namespace", cmp.Or(was.Namespace, "validator"), "In which namespace shall the recovery validator be?",
			"It is a node of its own, with a participant and a database of its own. It must not be in the namespace of the lost node or of the fresh one.")
	}
	if a.Source == "" {
		proposed := cmp.Or(was.Source, f.Hints.Values)
		if proposed == "" && recordsThere(ctx, w, f) {
			proposed = fromCluster
		}
		return text("source", cmp.Or(proposed, fromNothing), "Where are the lost node's Helm values?",
			"The folder with the values files that it was installed with; or cluster, for what Helm keeps in its namespace; or none. Login provider, audiences, wallet users and KMS are taken from there; what is not found is asked for.")
	}
	if a.Version == "" && !knownRelease(f.Old.Release) {
		return text("version", was.Version, "Which release of Splice does the network run?", "The charts must be of this release: the apps compare their versions with the network's. A peer's scan tells it under /api/scan/version.")
	}
	if a.Charts == "" {
		return text("charts", cmp.Or(was.Charts, f.Hints.Charts, charts.Registry), "Where are the charts?",
			"A folder with charts, as helm pull leaves them, or a registry. The release is "+f.version()+".")
	}
	if a.Identifier == "" {
		return text("identifier", f.proposed(w.Clock.Now()), "Which participant identifier shall the validator have?", f.aboutIdentifier())
	}
	if a.Scan == "" {
		return []wire.Question{f.scanQuestion()}, nil
	}
	m, _, err := ofLost(ctx, w, f)
	if err != nil {
		return nil, err
	}
	told := f.told(m)
	switch {
	case len(told.users) == 0:
		return text("users", was.Users, "Who uses the wallet?", "The values do not tell. Name the users as the login provider names them in sub, such as auth0|..., with commas between: what the validator recovers is in their wallet.")
	case told.disabled: // nobody checks a token
	case told.jwks == "":
		return text("jwks", was.JWKS, "Where are the keys of the login provider?", "The values do not tell. It is the address of its JWKS, such as https://HOST/.well-known/jwks.json.")
	case told.audience == "":
		return text("audience", cmp.Or(was.Audience, defaultAudience), "Which audience do tokens for the validator's API have?", "The values do not tell.")
	case told.ledger == "":
		return text("ledger", cmp.Or(was.Ledger, defaultAudience), "Which audience do tokens for the ledger API have?", "The values do not tell. Secret "+ledgerSecret+" must have the same one.")
	}
	return f.lastQuestions(ctx, w, m)
}

// lastQuestions are about where and how, not about the network.
func (f Facts) lastQuestions(ctx context.Context, w steps.World, m material) ([]wire.Question, error) {
	a, was := f.Validator.Answers, f.Validator.Before
	if a.Database == "" {
		return []wire.Question{{Name: "database", Kind: wire.AskText, Title: "Which PostgreSQL server shall it use?", Default: cmp.Or(was.Database, newServer),
			Text: "new installs one beside it. Or name one that is there, as HOST or HOST:PORT, with user " + databaseUser + ". A server that has another participant's database is refused: the lost node's may hold the last copy of its keys."}}, nil
	}
	if a.Class == "" {
		have, err := storageClasses(ctx, w)
		if err != nil {
			return nil, err
		}
		q := wire.Question{Name: "class", Kind: wire.AskChoice, Title: "Which storage class shall its volumes have?", Default: was.Class,
			Text: "The charts name standard-rwo where nothing else is set, which not every cluster has."}
		for _, c := range have {
			detail := c.Provisioner
			if c.Default {
				detail += ", the default of the cluster"
			}
			q.Choices = append(q.Choices, wire.Choice{ID: c.Name, Label: c.Name, Detail: detail})
		}
		q.Choices = append(q.Choices, wire.Choice{ID: none, Label: "What the charts name"})
		if q.Default == "" {
			q.Default = q.Choices[0].ID
			if c := m["splice-postgres"].Text("db.volumeStorageClass"); slices.ContainsFunc(q.Choices, func(x wire.Choice) bool { return x.ID == c }) {
				q.Default = c
			}
		}
		return []wire.Question{q}, nil
	}
	if a.Fatal == "" && len(f.Validator.Tries) > 0 {
		return []wire.Question{{Name: "fatal", Kind: wire.AskChoice, Title: "Shall a fatal error end the participant?", Default: endIt,
			Text:    "A participant with imported identities that ends at once may come up when it is told to go on (reference/deployment.md 9.5).",
			Choices: []wire.Choice{{ID: endIt, Label: "Yes, as usual"}, {ID: goOn, Label: "No, it goes on", Detail: "sets ADDITIONAL_CONFIG_EXIT_ON_FATAL_FAILURES"}}}}, nil
	}
	if a.Extra == "" {
		return []wire.Question{{Name: "extra", Kind: wire.AskText, Title: "Are there values of your own that shall go over these?", Default: cmp.Or(was.Extra, none),
			Text: "A folder with participant-values.yaml, validator-values.yaml or the like, one for each release; or none. What stands in them may be secret: it is read when the charts are rendered, and not kept by this run."}}, nil
	}
	if a.Way == "" {
		return []wire.Question{{Name: "way", Kind: wire.AskChoice, Title: "How shall it be installed?", Default: cmp.Or(was.Way, wayHelm), Choices: []wire.Choice{
			{ID: wayHelm, Label: "This tool installs it", Detail: "as Helm would, after it has shown what"},
			{ID: wayGitOps, Label: "By GitOps or by hand", Detail: "values files are written to commit; the tool waits until the cluster shows the releases"},
		}}}, nil
	}
	return nil, nil
}

// loginsTold is what values or answers say of logins.
type loginsTold struct {
	users                  []string
	jwks, audience, ledger string
	disabled               bool // there is no login at all
}

func (f Facts) told(m material) loginsTold {
	a := f.Validator.Answers
	participant, validator := m["splice-participant"], m["splice-validator"]
	off, _ := validator.At("disableAuth")
	t := loginsTold{jwks: cmp.Or(a.JWKS, participant.Text("auth.jwksUrl"), validator.Text("auth.jwksUrl"), m["splice-sv-node"].Text("auth.jwksUrl")),
		audience: cmp.Or(a.Audience, validator.Text("auth.audience")), ledger: cmp.Or(a.Ledger, participant.Text("auth.targetAudience")), disabled: off == true}
	if a.Users != "" {
		t.users = listOf(a.Users)
		return t
	}
	list, _ := validator.At("validatorWalletUsers")
	users, _ := list.([]any)
	for _, x := range users {
		if name, ok := x.(string); ok && name != "" {
			t.users = append(t.users, name)
		}
	}
	if name := validator.Text("validatorWalletUser"); name != "" && len(t.users) == 0 {
		t.users = []string{name}
	}
	return t
}

func listOf(list string) []string {
	var all []string
	for x := range strings.SplitSeq(list, ",") {
		if x = strings.TrimSpace(x); x != "" {
			all = append(all, x)
		}
	}
	return all
}

// knownRelease says whether a text is a release of Splice.
func knownRelease(release string) bool {
	_, ok := readSplice(release)
	return ok
}

// version is the release of the charts.
func (f Facts) version() string {
	if knownRelease(f.Old.Release) && f.Validator.Answers.Version == "" {
		return f.Old.Release
	}
	return f.Validator.Answers.Version
}

// proposed is an identifier that nobody has used: of the SV, the day, and four digits of the run. After a try that failed it is another one.
func (f Facts) proposed(now time.Time) string {
	sum := sha256.Sum256([]byte(f.Run))
	name := notInIdentifier.ReplaceAllString(cmp.Or(f.Old.SV, "sv"), "-") + "-recovery-" + now.UTC().Format("20060102") + "-" + hex.EncodeToString(sum[:2])
	if n := len(f.Validator.Tries); n > 0 {
		name += "-" + strconv.Itoa(n+1)
	}
	return name
}

var (
	notInIdentifier = regexp.MustCompile(`[^A-Za-z0-9_-]`) // to an identifier
	validIdentifier = regexp.MustCompile(`^[A-Za-z0-9_-]{1,180}$`)
	validNamespace  = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)
	validHostPort   = regexp.MustCompile(`^[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?(:[0-9]{1,5})?$`)
)

func (f Facts) aboutIdentifier() string {
	text := "It must never have been used on the network, and it stays the same for as long as this validator exists: change it only after an import that failed."
	for _, t := range f.Validator.Tries {
		text += fmt.Sprintf("\n%s was frozen before; its databases are on %s. Name it again to go on with them, or take another: that gets a server of its own.", t.Identifier, t.Server)
	}
	return text
}

func (f Facts) scanQuestion() wire.Question {
	q := wire.Question{Name: "scan", Kind: wire.AskChoice, Title: "Whose scan shall the validator ask?", Default: cmp.Or(f.Validator.Before.Scan, scansTogether),
		Text:    "The validator asks it for the network, and for the contracts that are imported. It must reach it from inside the cluster: SVs let in only addresses that they know.",
		Choices: []wire.Choice{{ID: scansTogether, Label: "Several, compared with each other", Detail: "begins with " + strings.Join(f.scans(), ", ")}}}
	for _, p := range f.Peers {
		q.Choices = append(q.Choices, wire.Choice{ID: scanBase(p.URL), Label: "That of " + p.SV + " alone", Detail: scanBase(p.URL)})
	}
	return q
}

// scans are the addresses of the peers' scans, without the path of the API.
func (f Facts) scans() []string {
	var all []string
	for _, p := range f.Peers {
		all = append(all, scanBase(p.URL))
	}
	return all
}

func scanBase(address string) string {
	return strings.TrimSuffix(strings.TrimSuffix(address, "/"), "/api/scan")
}
