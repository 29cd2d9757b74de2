package svapp

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"canton.example/svrescue/internal/secret"
)

var (
	// The signature of a token may have been cut off; what is left of it is still hidden.
	tokenText  = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*){0,4}`)
	headerText = regexp.MustCompile(`(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{16,}`)
	fieldText  = regexp.MustCompile(`(?i)\b(client_secret|device_code|access_token|refresh_token|id_token|client_assertion|password)(["']?\s*[=:]\s*)["']?[^\s"'&,}]+`)
)

const hidden = "(secret)"

// hide takes out what looks like a token or a secret, whoever sent it, and the known ones in each form in which servers echo them.
func hide(text string, known ...secret.String) string {
	for _, k := range known {
		v := k.Reveal()
		if len(v) < 4 { // replacing it would tell it
			continue
		}
		for _, form := range []string{v, url.QueryEscape(v), url.PathEscape(v), base64.StdEncoding.EncodeToString([]byte(v)), base64.RawURLEncoding.EncodeToString([]byte(v))} {
			text = strings.ReplaceAll(text, form, hidden)
		}
	}
	text = tokenText.ReplaceAllString(text, hidden)
	text = fieldText.ReplaceAllString(text, "${1}${2}"+hidden)
	return headerText.ReplaceAllString(text, "${1} "+hidden)
}

// without is the error with what is secret taken out of its parts.
func (e *Error) without(known ...secret.String) *Error {
	e.Tried, e.Seen, e.Next = hide(e.Tried, known...), hide(e.Seen, known...), hide(e.Next, known...)
	return e
}

// What holds a secret in fields that are not exported is printed by its name only: the formats of fmt pass over the secret's own there.

func (f *fixed) Format(s fmt.State, _ rune)    { fmt.Fprint(s, "token from ", f.token.From) }
func (f *fromFile) Format(s fmt.State, _ rune) { fmt.Fprint(s, "token from file ", f.name) }
func (p *pasted) Format(s fmt.State, _ rune)   { fmt.Fprint(s, "token from ", p.token.From) }
func (o *ofUser) Format(s fmt.State, _ rune)   { fmt.Fprint(s, "tokens of ", o.user) }
func (l *DeviceLogin) Format(s fmt.State, _ rune) {
	fmt.Fprint(s, "login by a code at ", l.provider.at.Host)
}
func (p *provider) Format(s fmt.State, _ rune) {
	fmt.Fprint(s, "tokens of client ", p.credentials.ClientID, " from ", p.at.Host)
}
func (c *Client) Format(s fmt.State, _ rune) { fmt.Fprint(s, c.app, " (", c.settings.Way.Name, ")") }
