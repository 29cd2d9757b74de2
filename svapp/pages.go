package svapp

import (
	"bytes"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

var (
	title    = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`)
	heading  = regexp.MustCompile(`(?is)<h1[^>]*>(.*?)</h1>`)
	markup   = regexp.MustCompile(`(?i)^\s*(?:<\?xml[^>]*>\s*)?<(?:!doctype|html|head|body|h1|center)\b`)
	tags     = regexp.MustCompile(`<[^>]*>`)
	loginish = regexp.MustCompile(`(?i)\b(?:log ?in|sign[ -]?in|log on|single sign-on|sso|authenticate)\b`)
	password = regexp.MustCompile(`(?i)<input[^>]+type=["']?password`)
)

// page says whether the body is meant for a browser. The apps never send one; their web interfaces, ingresses and login pages do.
func (a answer) page() bool {
	return markup.Match(a.body[:min(len(a.body), 1024)]) || strings.HasPrefix(a.header.Get("Content-Type"), "text/html") && bytes.ContainsRune(a.body, '<')
}

// pageName is the title of a page, or its first heading.
func (a answer) pageName() string {
	body := a.body[:min(len(a.body), 64<<10)]
	for _, r := range []*regexp.Regexp{title, heading} {
		if m := r.FindSubmatch(body); m != nil {
			if name := strings.TrimSpace(html.UnescapeString(tags.ReplaceAllString(string(m[1]), " "))); name != "" {
				return name
			}
		}
	}
	return ""
}

func (a answer) byPage(e *Error) {
	name := a.pageName()
	e.From, e.Seen = FromBefore, a.saw("a web page")
	if name != "" {
		e.Seen = a.saw("a web page titled " + name)
	}
	switch {
	case loginish.MatchString(name), password.Match(a.body):
		e.Kind = Login
	case a.status == http.StatusProxyAuthRequired:
		e.Kind = Proxy
	case a.status == http.StatusUnauthorized:
		e.Kind = Login
	case a.status == http.StatusForbidden:
		e.Kind = Blocked
	case a.status == http.StatusNotFound, a.status == http.StatusMethodNotAllowed:
		e.Kind = NoEndpoint
	case a.status == http.StatusTooManyRequests:
		e.Kind = Throttled
	case a.status >= 500:
		e.Kind = Ingress
	default:
		e.Kind = Elsewhere
	}
}

// loginAddress recognises where programs that guard a host send browsers: an authorisation request of OAuth2, or a path of that name.
func loginAddress(u *url.URL) bool {
	q := u.Query()
	if q.Has("client_id") && (q.Has("response_type") || q.Has("redirect_uri")) || q.Has("SAMLRequest") {
		return true
	}
	for _, part := range strings.FieldsFunc(strings.ToLower(u.Path), func(r rune) bool { return r == '/' || r == '.' }) {
		switch part {
		case "login", "signin", "sign-in", "sso", "saml", "oauth2", "authorize", "auth", "openid-connect":
			return true
		}
	}
	first, _, _ := strings.Cut(u.Hostname(), ".")
	return first == "login" || first == "accounts" || first == "sso"
}
