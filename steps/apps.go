package steps

import (
	"context"
	"time"

	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/svapp"
)

// App says which app of which deployment is meant and how one logs in to it. It is journaled and holds no secret.
type App struct {
	Name      string    `json:"name"` // for screens: "the recovery validator", "the fresh SV's wallet"
	Kind      svapp.App `json:"kind"`
	Namespace string    `json:"namespace,omitempty"`
	Workload  string    `json:"workload,omitempty"` // Deployment: validator-app
	Host      string    `json:"host,omitempty"`     // public address; empty: it is reached through the cluster alone
	// Login is how a token is had; Audience is that of its API, Secret holds the client of its service user, where that is taken.
	Login    Login  `json:"login,omitempty"`
	Audience string `json:"audience,omitempty"`
	Secret   string `json:"secret,omitempty"`
	// User is the ledger user whose wallet is meant, as the token must claim it; empty: whoever the token stands for.
	User string `json:"user,omitempty"`
}

// Login is how a token for an app is had.
type Login string

const (
	LoginClient Login = "client" // OAuth2 client credentials: of the configuration, else of the app's Secret
	LoginDevice Login = "device" // a person confirms a code in a browser elsewhere (RFC 8628)
	LoginPasted Login = "pasted" // a person pastes a token, hidden; it is kept in memory for as long as the worker lives
)

// Keyring holds what logs in to apps for as long as the worker lives: in memory, and nowhere else. After a crash it is empty, and what a person
// gave is asked for again. It is safe for concurrent use.
type Keyring interface {
	// Ways are the logins for an app, the one that is proposed first. One that cannot be taken says why.
	Ways(ctx context.Context, app App) ([]LoginWay, error)
	// Paste keeps a token that a person gave, where app.Login is LoginPasted. One that cannot be the right one is refused with a sentence that
	// does not show it: it is no token, it has expired, or it claims another user or another audience.
	Paste(app App, token secret.String) error
	// Device says how the login stands that a person confirms elsewhere, where app.Login is LoginDevice. Where none was begun it begins one. It
	// asks the provider no more often than that allows.
	Device(ctx context.Context, app App) (Device, error)
	// Forget drops what a person gave for an app.
	Forget(app App)
}

// LoginWay is one way to log in to an app.
type LoginWay struct {
	Login  Login
	Detail string // what it takes, in a sentence: "the client in Secret sv/splice-app-validator-ledger-api-auth"
	Refuse string // why it cannot be taken; empty: it can
}

// Device is a login that a person confirms in a browser, on any machine. The code is good for that one login and for nothing else; what is
// exchanged for the token never leaves the keyring.
type Device struct {
	Address  string // where the code is entered
	Complete string // the address that has the code in it; empty: the provider has none
	Code     string
	Expires  time.Time
	Done     bool   // it was confirmed: there is a token
	Ended    string // it was refused, or nobody confirmed it in time: a sentence; Forget lets another one begin
	Trouble  string // the provider could not be asked just now; it is asked again
}

// AppReader asks apps. What is asked over one call uses one connection; the client must not be kept after the function returned. Errors are
// *svapp.Error or *kube.Error, or those of the function.
type AppReader interface {
	// Scan asks another SV's scan by its public address: from this machine or, where the scan lets it not in, from a pod of the run.
	Scan(ctx context.Context, address string, ask func(*svapp.Scan) error) error
	// SV and Validator ask an app of a deployment, through the cluster or by its host. Without a login, what needs a token fails with NoToken.
	SV(ctx context.Context, app App, ask func(*svapp.SV) error) error
	Validator(ctx context.Context, app App, ask func(*svapp.Validator) error) error
	// Token says whom the app's login stands for and until when, without the token. An error of kind NoToken says that a person has to log in:
	// there is no token, it has expired, it was refused, or it stands for another user or audience than the app's.
	Token(ctx context.Context, app App) (svapp.Token, error)
}

// WalletWriter moves money, as far as the references of the running action cover it. It sends each call once.
type WalletWriter interface {
	Offer(ctx context.Context, app App, p svapp.Payment) (contract string, err error)
	AcceptOffer(ctx context.Context, app App, contract string) error
	RejectOffer(ctx context.Context, app App, contract string) error
	WithdrawOffer(ctx context.Context, app App, contract string) error
	Transfer(ctx context.Context, app App, p svapp.Payment) (svapp.Transferred, error)
	AcceptTransfer(ctx context.Context, app App, contract string) error
	WithdrawTransfer(ctx context.Context, app App, contract string) error
}

// WalletChange is one change by a wallet.
type WalletChange struct {
	Namespace string `json:"namespace"`
	Workload  string `json:"workload"`
	// Verb is offer, transfer, accept, reject or withdraw.
	Verb string `json:"verb"`
	// Object is the tracking ID of an offer or a transfer; of the other verbs the contract, or, where that is known only when it is sent, the
	// tracking ID of what it settles.
	Object string `json:"object"`
}

func (c WalletChange) String() string {
	return c.Verb + " " + c.Object + " in the wallet of " + c.Namespace + "/" + c.Workload
}

// WalletRefs wraps changes by wallets.
func WalletRefs(changes ...WalletChange) []Ref {
	refs := make([]Ref, len(changes))
	for i := range changes {
		refs[i] = Ref{Wallet: &changes[i]}
	}
	return refs
}
