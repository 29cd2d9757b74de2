// Package login asks how to log in to an app, within any step that needs a token: which way (a client, a code that is confirmed elsewhere, a
// token that is pasted), the token itself, and what was wrong with it. Nothing that it asks for gets into facts or journal but the way.
//
// A step that talks to an app on behalf of a user wires it so; App is where its facts keep the app, name what its questions are called:
//
//	wallet := login.For("wallet")
//	steps.Step[Facts]{
//		Asks:   wallet.Asks(),
//		Inputs: func(ctx context.Context, w steps.World, f Facts) ([]wire.Question, error) { return wallet.Inputs(ctx, w, f.Validator.App) },
//		Take:   func(f *Facts, ask, value string) error { return wallet.Take(&f.Validator.App, ask, value) },
//		Secret: func(_ context.Context, w steps.World, f Facts, ask string, value secret.String) error {
//			return wallet.Secret(w, f.Validator.App, ask, value)
//		},
//		Seen:   func(ctx context.Context, w steps.World, f Facts, ask string) bool { return wallet.Seen(ctx, w, f.Validator.App, ask) },
//		Forget: func(f *Facts) { wallet.Forget(&f.Validator.App) },
//	}
//
// A step with inputs of its own asks Is whose an answer is, and puts these questions after those that say which app is meant: Namespace, Kind
// and Workload of the app must be known. A token that ends or is refused in the middle of the step needs nothing more: the error is of kind
// svapp.NoToken, and the engine asks these questions again when the operator tries again.
package login

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
)

// Questions are those about the login to one app. A step that uses two apps has two, of different names.
type Questions struct{ name string }

// For makes the questions NAME (which way), NAME-token (the pasted token), NAME-device (the code that is confirmed elsewhere) and NAME-again
// (that came to nothing). The name must be none of the engine's own questions (engine.Asked): "login" is that for the login to the cluster.
func For(name string) Questions { return Questions{name} }

func (q Questions) token() string  { return q.name + "-token" }
func (q Questions) device() string { return q.name + "-device" }
func (q Questions) again() string  { return q.name + "-again" }

// Is says whether an answer belongs here.
func (q Questions) Is(ask string) bool {
	return ask == q.name || ask == q.token() || ask == q.device() || ask == q.again()
}

// Asks declares them.
func (q Questions) Asks() []steps.Ask {
	return []steps.Ask{
		{Name: q.name, Kind: wire.AskChoice, Help: "how to log in: client, device or pasted"},
		{Name: q.token(), Kind: wire.AskSecret, Help: "the token that was got elsewhere; kept in memory and asked for again after a crash"},
		{Name: q.device(), Kind: wire.AskChoice, Help: "the login is confirmed in a browser; goes on by itself when it was"},
		{Name: q.again(), Kind: wire.AskChoice, Help: "the login in a browser came to nothing: anew for another code, or other"},
	}
}

// Choices of the questions about a code, besides wire.ChoiceBack.
const (
	choiceOther = "other" // log in another way
	choiceAnew  = "anew"  // get another code
)

// another is what Enter alone means where a token is asked for.
const another = "log in another way"

// Inputs are the questions that are open before the app's token can be used; none where it is there and stands for whom it should. It asks the
// identity provider, and no app. Its errors are those of the provider that was not reached.
func (q Questions) Inputs(ctx context.Context, w steps.World, app steps.App) ([]wire.Question, error) {
	if app.Login == "" {
		return q.which(ctx, w, app, "")
	}
	_, err := w.Apps.Token(ctx, app)
	kind := svapp.KindOf(err)
	switch {
	case err == nil:
		return nil, nil
	case kind != svapp.NoToken && kind != svapp.Setup:
		return nil, err
	}
	why := steps.FailureOf("log in to "+app.Name, err)
	switch app.Login {
	case steps.LoginPasted:
		return []wire.Question{q.paste(app, why)}, nil
	case steps.LoginDevice:
		return q.code(ctx, w, app)
	}
	return q.which(ctx, w, app, "The login by a client did not work: "+sentence(why.Seen)+" "+sentence(why.Next))
}

// which asks how to log in.
func (q Questions) which(ctx context.Context, w steps.World, app steps.App, why string) ([]wire.Question, error) {
	ways := []steps.LoginWay{{Login: steps.LoginClient}, {Login: steps.LoginDevice}, {Login: steps.LoginPasted}}
	if w.Keys != nil {
		var err error
		if ways, err = w.Keys.Ways(ctx, app); err != nil {
			return nil, err
		}
	}
	ask := wire.Question{Name: q.name, Kind: wire.AskChoice, Title: "How to log in to " + app.Name + "?", Text: strings.TrimSpace(why + "\n" + whose(app))}
	refused := false
	for _, way := range ways {
		refused = refused || way.Refuse != ""
		c := wire.Choice{ID: string(way.Login), Label: label(way.Login), Detail: way.Detail, Refuse: way.Refuse}
		if ask.Default == "" && c.Refuse == "" && why == "" {
			ask.Default = c.ID
		}
		ask.Choices = append(ask.Choices, c)
	}
	if refused {
		ask.Choices = append(ask.Choices, wire.Choice{ID: wire.ChoiceBack, Label: "Look again", Detail: "once what is missing was made"})
	}
	return []wire.Question{ask}, nil
}

func label(l steps.Login) string {
	switch l {
	case steps.LoginClient:
		return "With a client of the identity provider"
	case steps.LoginDevice:
		return "Confirm a code in a browser"
	}
	return "Paste a token"
}

// whose says which user and which audience the token must have.
func whose(app steps.App) string {
	var parts []string
	if app.User != "" {
		parts = append(parts, "stand for the user "+app.User)
	}
	if app.Audience != "" {
		parts = append(parts, "have the audience "+app.Audience)
	}
	if len(parts) == 0 {
		return ""
	}
	return "The token must " + strings.Join(parts, " and ") + "."
}

func (q Questions) paste(app steps.App, why wire.Failure) wire.Question {
	return wire.Question{Name: q.token(), Kind: wire.AskSecret, Title: "Token for " + app.Name, Default: another,
		Text: sentence(why.Seen) + "\n" + strings.TrimSpace(whose(app)+" What you paste is not shown, not journaled, and kept in memory alone: after a crash it is asked for again.")}
}

// code shows the code of a login that is confirmed elsewhere, or why it came to nothing.
func (q Questions) code(ctx context.Context, w steps.World, app steps.App) ([]wire.Question, error) {
	if w.Keys == nil {
		return nil, &steps.Problem{Tried: "log in to " + app.Name, Seen: "this run has nothing that keeps logins", Next: "Report this as a defect of the program"}
	}
	d, err := w.Keys.Device(ctx, app)
	if kind := svapp.KindOf(err); kind == svapp.NoToken || kind == svapp.Setup {
		why := steps.FailureOf("log in to "+app.Name, err)
		return q.which(ctx, w, app, "No code could be had: "+sentence(why.Seen)+" "+sentence(why.Next))
	}
	if err != nil {
		return nil, err
	}
	other := wire.Choice{ID: choiceOther, Label: "Log in another way"}
	switch {
	case d.Done:
		// It was confirmed, and what came of it is not what is wanted: another user confirmed it, or it has ended.
		_, err := w.Apps.Token(ctx, app)
		if err == nil {
			return nil, nil
		}
		d.Ended = steps.FailureOf("", err).Seen
		fallthrough
	case d.Ended != "":
		w.Keys.Forget(app) // whoever asks next gets another code
		return []wire.Question{{Name: q.again(), Kind: wire.AskChoice, Title: "Try the login to " + app.Name + " again?",
			Text:    sentence(d.Ended) + "\n" + whose(app),
			Choices: []wire.Choice{{ID: choiceAnew, Label: "Get another code"}, other}, Default: choiceAnew}}, nil
	}
	text := fmt.Sprintf("Open %s in a browser on any machine, log in%s and enter the code %s.", d.Address, as(app), d.Code)
	if d.Complete != "" {
		text += " Or open the address that has the code in it: " + d.Complete
	}
	text += "\nThe code is good until " + d.Expires.UTC().Format(time.TimeOnly) + " UTC. It is asked every few seconds whether it was confirmed; then the run goes on by itself."
	if d.Trouble != "" {
		text += "\nJust now the identity provider could not be asked: " + sentence(d.Trouble)
	}
	return []wire.Question{{Name: q.device(), Kind: wire.AskChoice, Title: "Waiting for the login to " + app.Name, Text: text,
		Choices: []wire.Choice{{ID: wire.ChoiceBack, Label: "Look again now"}, other}, Default: wire.ChoiceBack}}, nil
}

func as(app steps.App) string {
	if app.User == "" {
		return ""
	}
	return " as " + app.User
}

// Take puts an answer into the app: the way, and nothing else.
func (q Questions) Take(app *steps.App, ask, value string) error {
	switch ask {
	case q.name:
		switch l := steps.Login(value); l {
		case steps.LoginClient, steps.LoginDevice, steps.LoginPasted:
			app.Login = l
			return nil
		}
		if value == wire.ChoiceBack {
			return nil
		}
		return fmt.Errorf("%q is no way to log in: it is client, device or pasted", value)
	case q.token(): // Enter alone; a token goes to Secret
		app.Login = ""
	case q.device(), q.again():
		if value == choiceOther {
			app.Login = ""
		}
	}
	return nil
}

// Secret hands a pasted token to the keyring.
func (q Questions) Secret(w steps.World, app steps.App, ask string, value secret.String) error {
	if ask != q.token() || w.Keys == nil {
		return fmt.Errorf("nothing here asks for a secret (a defect of the program)")
	}
	return w.Keys.Paste(app, value)
}

// Seen says whether the login that is confirmed elsewhere is over, one way or the other.
func (q Questions) Seen(ctx context.Context, w steps.World, app steps.App, ask string) bool {
	if ask != q.device() || w.Keys == nil || app.Login != steps.LoginDevice {
		return false
	}
	d, err := w.Keys.Device(ctx, app)
	return err == nil && (d.Done || d.Ended != "")
}

// Forget makes the way be asked for again.
func (q Questions) Forget(app *steps.App) { app.Login = "" }

// sentence makes a text begin and end as one.
func sentence(text string) string {
	text = strings.TrimSpace(text)
	if text == "" {
		return ""
	}
	first, size := utf8.DecodeRuneInString(text)
	text = string(unicode.ToUpper(first)) + text[size:]
	if strings.ContainsAny(text[len(text)-1:], ".!?") {
		return text
	}
	return text + "."
}
