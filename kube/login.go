package kube

import (
	"context"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"

	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// LogIn reads the kubeconfig again, takes the credentials that it has now, and asks the cluster whom it takes us for. No error: the login
// works, for everything that was made from this Cluster. Only credentials are taken: a kubeconfig that leads to another server than
// before is of kind Setup. A credential plugin is asked anew.
func (c *Cluster) LogIn(ctx context.Context) error {
	fresh, _, err := load(c.named)
	if err != nil {
		return err
	}
	was := c.config.Load()
	if fresh.Host != was.Host {
		return setup("log in again", "context "+c.target.Context+" now leads to "+fresh.Host+", and the run is about "+was.Host, "let the context lead to "+was.Host+" again")
	}
	noTerminal(fresh)
	if none := (&rest.Config{}); !reflect.DeepEqual(withLogin(none, was), withLogin(none, fresh)) {
		c.config.Store(withLogin(was, fresh))
	}
	_, err = c.Reach(ctx)
	return err
}

// Refused counts the requests that were turned away because the cluster did not know who sent them, or for which there were no
// credentials. Who reads many things, and reads on where one cannot be read, may not have told of it.
func (c *Cluster) Refused() uint64 { return c.refused.Load() }

// withLogin is config with the credentials of another one.
func withLogin(config, from *rest.Config) *rest.Config {
	config = rest.CopyConfig(config)
	config.BearerToken, config.BearerTokenFile = from.BearerToken, from.BearerTokenFile
	config.Username, config.Password = from.Username, from.Password
	config.CertFile, config.KeyFile, config.CertData, config.KeyData = from.CertFile, from.KeyFile, from.CertData, from.KeyData
	config.ExecProvider, config.AuthProvider, config.AuthConfigPersister = from.ExecProvider, from.AuthProvider, from.AuthConfigPersister
	config.Impersonate = from.Impersonate
	return config
}

// noTerminal keeps a credential plugin from the terminal, which belongs to the screen, or to nobody in a worker.
func noTerminal(config *rest.Config) {
	if config.ExecProvider != nil {
		config.ExecProvider.StdinUnavailable = true
		config.ExecProvider.StdinUnavailableMessage = "the terminal is in use: log in to the cluster in another one first"
	}
}

// renewed passes each request through the credentials of the moment.
type renewed struct {
	config  *atomic.Pointer[rest.Config]
	behind  func(*rest.Config) *rest.Config // puts the guard before the wire
	refused *atomic.Uint64

	mu   sync.Mutex
	made *rest.Config // of which rt was made
	rt   http.RoundTripper
}

func (r *renewed) RoundTrip(req *http.Request) (*http.Response, error) {
	rt, err := r.transport()
	if err != nil {
		return nil, err
	}
	resp, err := rt.RoundTrip(req)
	if err != nil && noCredentials(err) {
		r.refused.Add(1)
	}
	return resp, err
}

func (r *renewed) transport() (http.RoundTripper, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := r.config.Load(); now != r.made {
		rt, err := rest.TransportFor(r.behind(now))
		if err != nil {
			return nil, err
		}
		r.made, r.rt = now, rt
	}
	return r.rt, nil
}

// noCredentials says whether an error is one of a credential plugin: client-go wraps what went wrong there into this text alone.
func noCredentials(err error) bool { return strings.Contains(err.Error(), "getting credentials: ") }

// HowToLogIn says what a person does in another terminal when the login has expired. Of a credential plugin it names the command alone:
// its arguments may hold a secret.
func (c *Cluster) HowToLogIn() string {
	config := c.config.Load()
	context := "context " + clean(c.target.Context, 100)
	switch {
	case config.ExecProvider != nil && config.ExecProvider.InteractiveMode == clientcmdapi.AlwaysExecInteractiveMode:
		return "Give the user of " + context + " in the kubeconfig a token, or set interactiveMode: Never for its command " + clean(base(config.ExecProvider.Command), 60) + ", if that can log in without asking: there is no terminal for it here"
	case config.ExecProvider != nil:
		command := clean(base(config.ExecProvider.Command), 60)
		how := "Log in again in another terminal, in the way that " + command + " knows"
		if typed, known := logins[command]; known {
			how = "Log in again in another terminal: " + typed
		}
		return how + " (" + command + " has the credentials of " + context + ")"
	case len(config.CertData) > 0 || config.CertFile != "":
		return "Put a client certificate that is valid into the kubeconfig, for the user of " + context
	}
	return "Put a token that is valid into the kubeconfig, for the user of " + context + ": log in as it was made, in another terminal"
}

// logins are the commands by which people log in, by the credential plugin that then finds what they left.
var logins = map[string]string{
	"aws":                    "aws sso login, or however your AWS credentials are renewed",
	"gke-gcloud-auth-plugin": "gcloud auth login",
	"kubelogin":              "az login, or kubelogin as you use it",
}

func base(command string) string { return command[strings.LastIndexAny(command, `/\`)+1:] }
