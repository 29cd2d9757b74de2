// Package svapp holds the verbs a recovery needs on the apps of a Super Validator over HTTP: the SV app, scan, the validator app with
// its wallet. It knows nothing of recoveries, terminals and clusters. What it knows of Splice stands in reference/apis.md; each verb
// names the section, and says what was not verified. All verbs here read.
//
//	out := svapp.Out{Getenv: os.Getenv, CA: pem}
//	way, err := out.Public("https://sv.sv.example.org")
//	through, err := out.Transport()              // to the identity provider
//	tokens, err := svapp.Credentials{WellKnown: url, ClientID: id, Secret: s, Audience: "https://sv.example.org"}.Tokens(through, clk)
//	sv, err := svapp.NewSV(svapp.Settings{Way: way, Tokens: tokens, Audience: "https://sv.example.org", Clock: clk})
//	version, err := sv.Version(ctx)              // decides what may be asked further
//	mediator, found, err := sv.Mediator(ctx)     // found is false where the app says that there is none
//	switch {
//	case svapp.Reached(err):                     // the app answered; an error is its own
//	case svapp.KindOf(err) == svapp.Blocked:     // an allow list: take another way
//	default:                                     // nothing is known about the app
//	}
//	poll := svapp.AskPeers(ctx, peers, svapp.Bounds{}, dsoOf, partyOf) // several scans; poll.Agreeing of them say the same
//
// Ways. A Way is how requests get to an app; its name is for the screen. Out makes those that need no cluster: the public host, through
// a proxy where the environment names one, and the service inside the cluster. Tunnel makes one of connections that somebody else
// opens. Anything that is an http.RoundTripper is a way: one that sends from a pod, for example. Choose takes the first that works.
//
// Errors. All are *Error: what was tried, what was seen, what to do next. An Error tells who answered: the app, something before it, or
// nobody. Not reaching an app never means that it is down.
//
// Tokens. They come from a client at an identity provider, the environment, a file or standard input, and are kept in memory. They are
// sent to the endpoints that need one, over TLS or a private way, and never follow a redirect. What a server puts into its answer is shown
// without tokens and secrets: the known ones as they are and in the usual encodings, others where they look like one.
//
// Results are plain data that survives JSON. Texts in them are free of control characters; payloads of contracts are as they came.
// A verb that looks one thing up answers (value, found, error). Amounts are exact texts, times are in UTC.
//
// Left out on purpose: what changes something; the dumps with private keys, which need a file and not memory; pausing the synchronizer,
// which is a GET with a side effect; the shape of party-to-participant from 0.6.2 on, and the request of backfilling/migration-info, since
// reference/apis.md does not have them.
package svapp
