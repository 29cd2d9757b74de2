package command

import (
	"io"
	"os"

	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/engine/runs"
	"canton.example/svrescue/steps/network"
	"canton.example/svrescue/steps/reach"
	"canton.example/svrescue/steps/reonboard"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
	"canton.example/svrescue/ui/command/config"
	"k8s.io/utils/clock"
)

// logins gets tokens for the node's apps as the configuration says. Nothing is sent before one is needed.
func (p *program) logins(out svapp.Out, clk clock.PassiveClock) (*svapp.Logins, error) {
	through, err := out.Transport()
	if err != nil {
		return nil, &usageError{err}
	}
	c := p.config.OIDC
	return &svapp.Logins{Token: secret.Reference(c.Token), ClientID: secret.Reference(c.Client.ID), ClientSecret: secret.Reference(c.Client.Secret), WellKnown: c.Discovery,
		Through: through, Clock: clk, Places: p.places()}, nil
}

// places are what references to secrets are read from.
func (p *program) places() secret.Places {
	return secret.Places{Getenv: p.Env, Stdin: p.In, Open: func(path string) (io.ReadCloser, error) { return os.Open(path) }}
}

// out is how this machine gets to hosts of the network, as the configuration says.
func (p *program) out() (svapp.Out, error) {
	out := svapp.Out{Getenv: p.Env}
	if p.config.CA == "" {
		return out, nil
	}
	var err error
	if out.CA, err = os.ReadFile(p.config.CA); err != nil {
		return out, usage("the certificates that the configuration names as ca cannot be read: %v", err)
	}
	return out, nil
}

// known is what the configuration of this machine says to a run that is driven here. It holds references to secrets, and no secret.
type known struct {
	web   reach.AppOptions
	hints reonboard.Hints
	call  network.Hints // of a network that all SVs recover together
}

// knows reads it for a run. A rehearsal is told nothing of the real world, and nothing of it leaves this machine: its apps are reached through its
// own cluster alone, with the clients that its Secrets hold.
func (p *program) knows(spec runs.Spec, clk clock.PassiveClock) (known, error) {
	k := known{web: reach.AppOptions{UserAgent: "svrescue/" + Version()}}
	if spec.World == wire.Simulated {
		k.web.Out.Dial = outside(spec)
		through, err := k.web.Out.Transport()
		if err != nil {
			return k, err
		}
		k.web.Keys = reach.KeyOptions{Clients: &svapp.Logins{Through: through, Clock: clk}, Through: through}
		return k, nil
	}
	var err error
	if k.web.Out, err = p.out(); err != nil {
		return k, err
	}
	clients, err := p.logins(k.web.Out, clk)
	if err != nil {
		return k, err
	}
	clients.Token = "" // it is for the SV app of the node; what a wallet is opened with is asked for
	c := p.config.OIDC
	k.web.Keys = reach.KeyOptions{Clients: clients, Through: clients.Through,
		Device:    svapp.Device{WellKnown: c.Discovery, ClientID: c.Device.Client, Scope: c.Device.Scope},
		Audiences: map[svapp.App]string{svapp.SVApp: c.Audiences.SV, svapp.ValidatorApp: c.Audiences.Validator}}
	if c.Device.Secret != "" {
		k.web.Keys.DeviceSecret = func() (secret.String, error) {
			value, err := p.places().Read(secret.Reference(c.Device.Secret))
			if err != nil {
				return value, &svapp.Error{Kind: svapp.Setup, Tried: "read the secret of the client for logins by a code", Seen: err.Error(), Next: "put it where oidc.device.secret says"}
			}
			return value, nil
		}
	}
	k.hints = reonboard.Hints{Identities: p.config.Backups.Identities, Scans: p.config.Peers,
		RecoveryValidator: hintOf(p.config.Reonboard.Validator), FreshWallet: hintOf(p.config.Reonboard.Wallet)}
	k.call = network.Hints{Identities: p.config.Backups.Identities, Scans: p.config.Peers, SV: steps.App{Host: p.config.Hosts.SV, Audience: c.Audiences.SV, Secret: c.AppSecret}}
	return k, nil
}

func hintOf(a config.App) reonboard.AppHint {
	return reonboard.AppHint{Host: a.Address, Audience: a.Audience, User: a.User}
}

// tokenFrom takes the reference to a token of the command line, which comes before the configuration.
func (p *program) tokenFrom(reference string) error {
	if reference == "" {
		return nil
	}
	if err := secret.Reference(reference).Check(); err != nil {
		return usage("--token-from %v", err)
	}
	p.config.OIDC.Token = reference
	return nil
}
