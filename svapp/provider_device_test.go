package svapp_test

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

// deviceLogins are those by a code (RFC 8628) at the provider of the tests.
type deviceLogins struct {
	all      map[string]*deviceLogin // by device code
	refresh  map[string]*deviceLogin // by refresh token
	polls    int
	interval int
	life     time.Duration
	rotate   bool // a refresh token is good once
	none     bool // no refresh tokens are given
	slow     int  // so many polls are answered by slow_down
	made     int
}

type deviceLogin struct {
	user, audience, client, code string
	confirmed, denied, used      bool
	ends, asked                  time.Time
}

func (p *provider) deviceCode(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.ParseForm() != nil || len(r.URL.Query()) > 0 {
		writeJSON(w, 400, map[string]string{"error": "invalid_request"})
		return
	}
	c, known := p.clients[r.PostForm.Get("client_id")]
	switch {
	case !known || c.secret != r.PostForm.Get("client_secret"):
		writeJSON(w, 401, map[string]string{"error": "invalid_client", "error_description": "no client with secret " + r.PostForm.Get("client_secret")})
		return
	case !c.users:
		writeJSON(w, 403, map[string]string{"error": "unauthorized_client", "error_description": "grant type not allowed for the client"})
		return
	case !slices.Contains(c.audiences, r.PostForm.Get("audience")):
		writeJSON(w, 403, map[string]string{"error": "access_denied", "error_description": "no such audience"})
		return
	}
	l := &p.logins
	if l.all == nil {
		l.all, l.refresh = map[string]*deviceLogin{}, map[string]*deviceLogin{}
	}
	l.made++
	code, user := fmt.Sprintf("device-code-canary-%d", l.made), fmt.Sprintf("WDJB-%04d", l.made)
	life := l.life
	if life == 0 {
		life = 10 * time.Minute
	}
	l.all[code] = &deviceLogin{client: r.PostForm.Get("client_id"), audience: r.PostForm.Get("audience"), code: user, ends: p.clock.Now().Add(life)}
	answer := map[string]any{"device_code": code, "user_code": user, "verification_uri": p.URL + "/activate", "verification_uri_complete": p.URL + "/activate?user_code=" + user,
		"expires_in": int(life.Seconds())}
	if l.interval > 0 {
		answer["interval"] = l.interval
	}
	writeJSON(w, 200, answer)
}

// confirm does what a person does in the browser.
func (p *provider) confirm(code, user string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, d := range p.logins.all {
		if d.code == code && p.clock.Now().Before(d.ends) {
			d.user, d.confirmed, d.denied = user, user != "", user == ""
			return true
		}
	}
	return false
}

// deviceToken exchanges a code, or what renews a login, for a token; the lock is held.
func (p *provider) deviceToken(w http.ResponseWriter, sent map[string]string, c client, known bool) {
	refuse := func(code int, why string) { writeJSON(w, code, map[string]string{"error": why}) }
	if !known || c.secret != sent["client_secret"] {
		refuse(401, "invalid_client")
		return
	}
	l := &p.logins
	d := l.all[sent["device_code"]]
	if sent["grant_type"] == "refresh_token" {
		if d = l.refresh[sent["refresh_token"]]; d == nil {
			refuse(400, "invalid_grant")
			return
		}
		if l.rotate {
			delete(l.refresh, sent["refresh_token"])
		}
	} else {
		l.polls++
		interval := time.Duration(max(l.interval, 5)) * time.Second
		now := p.clock.Now()
		soon := d != nil && !d.asked.IsZero() && now.Sub(d.asked) < interval
		switch {
		case d == nil || d.client != sent["client_id"] || d.used:
			refuse(400, "invalid_grant")
			return
		case !now.Before(d.ends):
			refuse(400, "expired_token")
			return
		case soon || l.slow > 0:
			l.slow--
			d.asked = now
			refuse(400, "slow_down")
			return
		case d.denied:
			refuse(403, "access_denied")
			return
		case !d.confirmed:
			d.asked = now
			refuse(400, "authorization_pending")
			return
		}
		d.used = true
	}
	p.issued = append(p.issued, d.audience)
	answer := map[string]any{"access_token": p.sign(d.user, d.audience, ""), "token_type": "Bearer", "expires_in": int(p.life.Seconds())}
	if !l.none {
		l.made++
		token := fmt.Sprintf("refresh-canary-%d", l.made)
		if sent["grant_type"] != "refresh_token" || l.rotate {
			l.refresh[token] = d
			answer["refresh_token"] = token
		}
	}
	writeJSON(w, 200, answer)
}
