package steps

import (
	"context"

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

// AppReader asks apps. What is asked over one call uses one connection; the client must not be kept after the function returned. Errors are
// *svapp.Error or *kube.Error, or those of the function.
type AppReader interface {
	// Scan asks another SV's scan by its public address: from this machine or, where the scan lets it not in, from a pod of the run.
	Scan(ctx context.Context, address string, ask func(*svapp.Scan) error) error
	// SV and Validator ask an app of a deployment, through the cluster or by its host. Without a login, what needs a token fails with NoToken.
	SV(ctx context.Context, app App, ask func(*svapp.SV) error) error
	Validator(ctx context.Context, app App, ask func(*svapp.Validator) error) error
	// Token says whom the app's login stands for and until when, without the token. An error of kind NoToken says that a person has to log in.
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
