package command

import (
	"io"
	"os"

	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/svapp"
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
		Through: through, Clock: clk, Places: secret.Places{Getenv: p.Env, Stdin: p.In, Open: func(path string) (io.ReadCloser, error) { return os.Open(path) }}}, nil
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
