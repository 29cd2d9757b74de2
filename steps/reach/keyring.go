package reach

import (
	"cmp"
	"context"
	"net/http"
	"sync"
	"time"

	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/svapp"
	"k8s.io/utils/clock"
)

// KeyOptions say with what one can log in.
type KeyOptions struct {
	// Clients get the tokens of LoginClient: the client of the configuration, else that of the app's Secret. nil: there are none.
	Clients *svapp.Logins
	// Device is the client at which people log in by a code; without a ClientID there is none. Its discovery document is that of the app's Secret
	// where it names none, and its audience that of the app. Its secret is read when it is needed.
	Device       svapp.Device
	DeviceSecret func() (secret.String, error)
	// Through sends to the identity provider.
	Through http.RoundTripper
	// Audiences are those of apps that name none.
	Audiences map[svapp.App]string
}

// Keyring holds logins to apps in memory. It is safe for concurrent use.
type Keyring struct {
	with  KeyOptions
	read  func(ctx context.Context, ns, name, key string) (secret.String, bool, error) // of a Secret in the cluster
	clock clock.WithTicker

	mu      sync.Mutex
	pasted  map[lock]svapp.Tokens
	devices map[lock]*device
}

var _ steps.Keyring = (*Keyring)(nil)

// lock is what a login opens.
type lock struct {
	kind                                svapp.App
	namespace, workload, user, audience string
}

// device is a login that a person confirms elsewhere: being asked for, waiting, or over.
type device struct {
	turn  sync.Mutex // held while the provider is asked
	login *svapp.DeviceLogin
}

// NewKeyring makes an empty one. It sends nothing.
func NewKeyring(o Options, keys KeyOptions) *Keyring {
	return &Keyring{with: keys, clock: o.Clock, read: o.Cluster.SecretValue, pasted: map[lock]svapp.Tokens{}, devices: map[lock]*device{}}
}

func (k *Keyring) audience(app steps.App) string {
	return cmp.Or(app.Audience, k.with.Audiences[app.Kind])
}

func (k *Keyring) lock(app steps.App) lock {
	return lock{app.Kind, app.Namespace, app.Workload, app.User, k.audience(app)}
}

// secretOf is the Secret that an app keeps the client of its service user in (reference/deployment.md 3.7).
func secretOf(app steps.App) string {
	name := "splice-app-validator-ledger-api-auth"
	if app.Kind == svapp.SVApp {
		name = "splice-app-sv-ledger-api-auth"
	}
	return cmp.Or(app.Secret, name)
}

// Tokens are those of an app, for the user and the audience that are meant. Where a person has to log in the error is of kind NoToken.
func (k *Keyring) Tokens(ctx context.Context, app steps.App) (svapp.Tokens, error) {
	tokens, err := k.tokens(ctx, app)
	if err != nil {
		return nil, err
	}
	return svapp.TokensFor(tokens, app.User, k.audience(app)), nil
}

func (k *Keyring) tokens(ctx context.Context, app steps.App) (svapp.Tokens, error) {
	none := &svapp.Error{Kind: svapp.NoToken, Tried: "log in to " + app.Name, Seen: "nobody has logged in yet", Next: "log in"}
	k.mu.Lock()
	pasted, code := k.pasted[k.lock(app)], k.devices[k.lock(app)]
	k.mu.Unlock()
	switch {
	case app.Login == steps.LoginClient && k.with.Clients != nil:
		name := secretOf(app)
		return k.with.Clients.Tokens(ctx, k.audience(app), svapp.FromSecret{Name: app.Namespace + "/" + name, Key: func(ctx context.Context, key string) (secret.String, bool, error) {
			return k.read(ctx, app.Namespace, name, key)
		}})
	case app.Login == steps.LoginPasted && pasted != nil:
		return pasted, nil
	case app.Login == steps.LoginPasted:
		none.Seen, none.Next = "no token was pasted since this worker began", "paste one"
	case app.Login == steps.LoginDevice && code != nil:
		code.turn.Lock()
		defer code.turn.Unlock()
		if code.login != nil {
			return code.login, nil
		}
	case app.Login == "":
		none.Seen = "it is not said how"
	}
	return nil, none
}

// Ways are the logins for an app. What a client needs is looked for in the configuration, and in the app's Secret by its keys alone.
func (k *Keyring) Ways(ctx context.Context, app steps.App) ([]steps.LoginWay, error) {
	client := steps.LoginWay{Login: steps.LoginClient}
	switch {
	case k.with.Clients == nil:
		client.Refuse = "this run has no client to log in with"
	case k.with.Clients.ClientID != "":
		client.Detail = "the client that the configuration names (oidc.client)"
	default:
		at := app.Namespace + "/" + secretOf(app)
		_, has, err := k.read(ctx, app.Namespace, secretOf(app), "client-id")
		_, fixed, again := k.read(ctx, app.Namespace, secretOf(app), "token")
		client.Detail = "the client in Secret " + at
		switch {
		case err == nil && again == nil && !has && !fixed:
			client.Refuse = "no client is configured (oidc.client), and there is none in Secret " + at
		case err != nil && !has:
			client.Detail += ", which could not be looked at"
		}
	}
	code := steps.LoginWay{Login: steps.LoginDevice, Detail: "at the identity provider, with the client " + k.with.Device.ClientID}
	if k.with.Device.ClientID == "" {
		code.Detail, code.Refuse = "at the identity provider", "no client for that is configured (oidc.device.client)"
	}
	return []steps.LoginWay{client, code, {Login: steps.LoginPasted, Detail: "hidden; kept in memory for as long as the worker lives"}}, nil
}

// Paste keeps a token that a person gave.
func (k *Keyring) Paste(app steps.App, token secret.String) error {
	tokens, err := svapp.Pasted(token, k.clock)
	if err == nil {
		_, err = svapp.TokensFor(tokens, app.User, k.audience(app)).Token(context.Background(), 0) // which asks nobody
	}
	if err != nil {
		why := steps.FailureOf("", err)
		return &steps.Problem{Tried: "The token was not taken", Seen: why.Seen, Next: why.Next}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.pasted[k.lock(app)] = tokens
	return nil
}

// Device says how the login stands that a person confirms elsewhere; where none was begun it begins one.
func (k *Keyring) Device(ctx context.Context, app steps.App) (steps.Device, error) {
	k.mu.Lock()
	d := k.devices[k.lock(app)]
	if d == nil {
		d = &device{}
		k.devices[k.lock(app)] = d
	}
	k.mu.Unlock()
	d.turn.Lock()
	defer d.turn.Unlock()
	if d.login == nil {
		login, err := k.begin(ctx, app)
		if err != nil {
			return steps.Device{}, err
		}
		d.login = login
	}
	l := d.login
	shown := steps.Device{Address: l.Address, Complete: l.Complete, Code: l.UserCode, Expires: l.Ends}
	confirmed, err := l.Poll(ctx)
	switch {
	case confirmed:
		shown.Done = true
	case svapp.KindOf(err) == svapp.NoToken:
		why := steps.FailureOf("", err)
		shown.Ended = why.Seen
	case err != nil:
		return shown, err
	default:
		shown.Trouble = l.Trouble(ctx)
	}
	return shown, nil
}

func (k *Keyring) begin(ctx context.Context, app steps.App) (*svapp.DeviceLogin, error) {
	client := k.with.Device
	client.Audience = k.audience(app)
	if client.WellKnown == "" {
		address, _, err := k.read(ctx, app.Namespace, secretOf(app), "url")
		if err != nil {
			return nil, err
		}
		client.WellKnown = address.Reveal()
	}
	if k.with.DeviceSecret != nil {
		value, err := k.with.DeviceSecret()
		if err != nil {
			return nil, err
		}
		client.Secret = value
	}
	return client.Begin(ctx, k.with.Through, k.clock)
}

// Forget drops what a person gave for an app.
func (k *Keyring) Forget(app steps.App) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.pasted, k.lock(app))
	delete(k.devices, k.lock(app))
}

// goodFor is how long a token has to be good still for a question or a change.
const goodFor = 30 * time.Second
