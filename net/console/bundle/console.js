var Le, Rs, uf, tr, $i, ga, Is, da, Hs, Ii, Ri, cf, Co = Symbol.for('pv'), _a = {}, ha = [], df = /^m(i|n|o|s|text|space)$/, Hi = Array.isArray,
                                                    Ws = ha.slice, vr = Object.assign;
function wr(e) { e && e.parentNode && e.remove() }
function ma(e, t, n, o, i) {
  var l = {type: e, props: t, key: n, ref: o, __k: null, __: null, __b: 0, __e: null, __c: null, constructor: Co, __v: i || ++Rs, __i: -1, __u: 0};
  return !i && Le.vnode && Le.vnode(l), l
}
function M(e) { return e.children }
function fa(e, t) { this.props = e, this.context = t, this.__g = 0 }
function nr(e, t) {
  if (t == null) return e.__ && nr(e.__, e.__i + 1);
  for (var n; t < e.__k.length; t++)
    if ((n = e.__k[t]) && n.__e) return n.__e;
  return typeof e.type != 'function' || e.props.__P ? null : nr(e)
}
function mf(e) {
  var t, n = e.__v, o = n.__e, i = [], l = [], s = e.__P;
  s &&
      ((t = vr({constructor: Co}, n)).__v = n.__v + 1, Le.vnode && Le.vnode(t),
       Wi(s, t, n, e.__n, s.namespaceURI, 32 & n.__u ? [o] : null, i, o || nr(n), 32 & n.__u, l), t.__v = n.__v, t.__.__k[t.__i] = t, Gs(i, t, l),
       n.__ = n.__e = null, t.__e != o && Bs(t))
}
function Bs(e) {
  if ((e = e.__) && e.__c && !e.props.__P) return e.__e = null, e.__k.some(function(t) { return t && (e.__e = t.__e) }), Bs(e)
}
function Fs(e) { (8 & e.__g || (e.__g |= 8, tr.push(e), ga++)) && $i == Le.debounceRendering || (($i = Le.debounceRendering) || queueMicrotask)(zs) }
function zs() {
  try {
    for (var e, t = 1; tr.length;) tr.length > t && tr.sort(Is), e = tr.shift(), t = tr.length, 8 & e.__g && mf(e)
  } finally {
    (ga = tr.length) && ($i || queueMicrotask)(zs)
  }
}
function Us(e, t, n, o, i, l, s, d, c, m, p) {
  var b, y, _, v, x, P, $ = o.__k || ha, S = t.length;
  for (c = ff(n, t, $, c, S), b = 0; b < S; b++)
    (_ = n.__k[b]) != null &&
        (y = ~_.__i && $[_.__i] || _a, _.__i = b, P = Wi(e, _, y, i, l, s, d, c, m, p), v = _.__e,
         (y.ref != _.ref || 8 & y.__u) && (y.ref && Bi(y.ref, null, _, y), _.ref && p.push(_.ref, _.__c || v, _)), x = x || v,
         4 & _.__u                                       ? (c = js(_, c, e, !y.__v), y.__e && (y.__e = null)) :
             typeof _.type == 'function' && P !== void 0 ? c = P :
                                                           v && (c = v.nextSibling),
         _.__u &= -21);
  return n.__e = x, c
}
function ff(e, t, n, o, i) {
  var l, s, d, c, m, p, b, y, _, v = n.length, x = v, P = 0, $ = 0, S = e.__k = Array(i);
  for (l = 0; l < i; l++)
    (s = t[l]) != null && typeof s != 'boolean' && typeof s != 'function' ?
        (typeof s != 'object' || s.constructor === String ? s = S[l] = ma(null, s) :
             Hi(s)                                        ? s = S[l] = ma(M, {children: s}) :
             s.constructor === Co&& s.__b                 ? s = S[l] = ma(s.type, s.props, s.key, s.ref, s.__v) :
                                                            S[l] = s,
         c = l + P, s.__ = e, s.__b = e.__b + 1, d = null, ~(m = s.__i = pf(s, n, c, x)) && (x--, (d = n[m]) && (d.__u |= 2)),
         d && d.__v ? (s.__u |= 16,
                       m == c - 1     ? P-- :
                           m == c + 1 ? P++ :
                                        m != c && (m > c ? P-- : P++, $ = 1)) :
                      (~m || (i > v ? P-- : i < v && P++), typeof s.type != 'function' && (s.__u |= 4))) :
        S[l] = null;
  if ($) {
    for (p = [], b = [], l = 0; l < i; l++)
      if ((s = S[l]) && 16 & s.__u) {
        for (P = 0, y = p.length; P < y;) p[_ = P + y >> 1] < s.__i ? P = _ + 1 : y = _;
        p[P] = s.__i, b[l] = P + 1
      }
    for (P = p.length; l--;) b[l] && (b[l] == P ? P-- : S[l].__u |= 4)
  }
  if (x)
    for (l = 0; l < v; l++) !(d = n[l]) || 2&d.__u || (d.__e == o && (o = nr(d)), zi(d, d));
  return o
}
function js(e, t, n, o) {
  var i, l, s, d;
  if (typeof e.type == 'function') {
    if (e.props.__P) return t;
    if (i = e.__k)
      for (l = 0; l < i.length; l++) i[l] && (i[l].__ = e, t = js(i[l], t, n, !1));
    return t
  }
  for (t && !t.parentNode && (t = nr(e)) && !t.parentNode && (t = null), s = e.__e, d = t; d && d.nodeType == 8;) d = d.nextSibling;
  for (s != d && (!o && n.moveBefore && s.parentNode ? n.moveBefore(s, t) : n.insertBefore(s, t || null)), t = s;
       (t = t && t.nextSibling) && t.nodeType == 8 && !t.data.startsWith('$s');)
    ;
  return t
}
function pf(e, t, n, o) {
  var i, l = e.key, s = e.type, d = t[n], c = d && !(2 & d.__u);
  if (d === null && l == null || c && l == d.key && s == d.type) return n;
  if (o > (c ? 1 : 0)) {
    for (i = n - 1; i >= 0; i--)
      if ((d = t[i]) && !(2 & d.__u) && l == d.key && s == d.type) return i;
    for (i = n + 1; i < t.length; i++)
      if ((d = t[i]) && !(2 & d.__u) && l == d.key && s == d.type) return i
  }
  return -1
}
function $s(e, t, n) { n == null && (n = ''), t[0] == '-' ? e.setProperty(t, n) : e[t] = n }
function ca(e, t, n, o, i) {
  var l, s;
  if (t == 'style')
    if (typeof n == 'string') e.style.cssText = n;
    else {
      if (typeof o == 'string' && (e.style.cssText = o = ''), o)
        for (t in o) n && t in n || $s(e.style, t);
      if (n)
        for (t in n) o && n[t] == o[t] || $s(e.style, t, n[t])
    }
  else if (t[0] == 'o' && t[1] == 'n')
    typeof n != 'function' && (n = null), typeof o != 'function' && (o = null), (e.__e || (e.__e = {}))[t] = n,
                                                                                                   n && o ||
        (s = Ri[t] || (Ri[t] = gf(t)), (e.__a || (e.__a = {}))[t] = Ii, l = t != (t = t.replace(Hs, '$1')),
         (t = t.slice(2))[0] < 'a' && (t = t.toLowerCase()), n ? e.addEventListener(t, s, l) : e.removeEventListener(t, s, l));
  else {
    if (i == 'http://www.w3.org/2000/svg') t = t.replace(/xlink(H|:h)/, 'h').replace(/sName$/, 's');
    else if (
        t != 'width' && t != 'height' && t != 'href' && t != 'list' && t != 'form' && t != 'tabIndex' && t != 'download' && t != 'rowSpan' &&
        t != 'colSpan' && t != 'role' && t != 'popover' && t in e)
      try {
        return void (e[t] = n ?? '')
      } catch {
      }
    if (typeof n == 'function') return;
    n == null || n === !1 && t[4] != '-' ? e.removeAttribute(t) : e.setAttribute(t, t == 'popover' && n == 1 ? '' : n)
  }
}
function gf(e) {
  return function(t) {
    var n = this.__e;
    if (n) {
      if (n = n[e], t[da] == null) t[da] = Ii++;
      else if (t[da] < this.__a[e]) return;
      return n(Le.event ? Le.event(t) : t)
    }
  }
}
function Wi(e, t, n, o, i, l, s, d, c, m) {
  var p, b, y, _, v, x, P, $, S, D, T, C, A, G, q, X, B, F, Y = t.type;
  if (t.constructor !== Co) return null;
  128&n.__u && (c = 32 & n.__u, p = n.__c.__z) && (t.__u |= c, b = l = [], p.nodeType == 8 ? d = pa(p, l) : l.push(p), d = l[0] || d),
      (p = Le.__b) && p(t);
  e: if (typeof Y == 'function') {
    y = s.length;
    try {
      if ($ = t.props, S = (p = Y.prototype) && p.render, D = (p = Y.contextType) && o[p.__c], T = p ? D ? D.props.value : p.__ : o,
          (_ = n.__c) ? (t.__c = _, 2 & _.__g && (_.__g |= 1)) :
                        (S ? t.__c = _ = new Y($, T) : (t.__c = _ = new fa($, T), _.constructor = Y, _.render = hf), D && D.sub(_),
                         _.state || (_.state = {}), _.__n = o, _.__g |= 8, _.__h = [], _.__k = []),
          S &&
              (_.__s || (_.__s = _.state),
               Y.getDerivedStateFromProps && (_.__s == _.state && (_.__s = vr({}, _.__s)), vr(_.__s, Y.getDerivedStateFromProps($, _.__s)))),
          v = _.props, x = _.state, _.__v = t, n.__c) {
        if ($ !== v && S && !Y.getDerivedStateFromProps && _.componentWillReceiveProps && _.componentWillReceiveProps($, T),
            t.__v == n.__v && !(8 & _.__g) || !(4 & _.__g) && _.shouldComponentUpdate && _.shouldComponentUpdate($, _.__s, T) === !1) {
          t.__v != n.__v && (_.props = $, _.state = _.__s, _.__g &= -9), t.__e = n.__e, t.__k = n.__k, t.__k.some(function(W) { W && (W.__ = t) }),
                                                                         ha.push.apply(_.__h, _.__k), _.__k = [], _.__h.length && s.push(_),
                                                                         d = nr(n);
          break e
        }
        _.componentWillUpdate && _.componentWillUpdate($, _.__s, T),
            S && _.componentDidUpdate && _.__h.push(function() { _.componentDidUpdate(v, x, P) })
      } else
        S && !Y.getDerivedStateFromProps && _.componentWillMount && _.componentWillMount(),
            S && _.componentDidMount && _.__h.push(_.componentDidMount);
      _.context = T, _.props = $, _.__P = e, _.__g &= -5, C = Le.__r, A = S ? 25 : 0;
      do _.__g &= -9, C && C(t), p = _.render(_.props, _.state = _.__s, _.context);
      while (8 & _.__g && ++A < 25);
      S && (ha.push.apply(_.__h, _.__k), _.__k = []), _.state = _.__s, _.getChildContext && (o = vr({}, o, _.getChildContext())),
                                                      S && n.__c && _.getSnapshotBeforeUpdate && (P = _.getSnapshotBeforeUpdate(v, x)),
                                                      G = p && p.type === M && p.key == null ? p.props.children : p,
                                                      $.__P &&
          (p = d, i = (e = $.__P).namespaceURI, c = l = null,
           n.props && n.props.__P != e && (n.__k.some(function(W) { W && zi(W, W) }), n.__k = null), d = n.__k ? nr(n, 0) : null),
                                                      d = Us(e, Hi(G) ? G : [G], t, n, o, i, l, s, d, c, m), $.__P && (t.__e = null, d = p),
                                                      t.__u &= -161, b && b.some(wr), _.__h.length && s.push(_), 1 & _.__g && (_.__g &= -4)
    } catch (W) {
      if (s.length = y, t.__v = null, c || l)
        if (W && W.then) {
          if (t.__u |= 128 | c, l) {
            for (~(B = l.indexOf(d || void 0)) || (B = l.length); (F = l[B - 1]) && F.nodeType == 8;) B--;
            for (; B < l.length; B++)
              if (F = l[B])
                if (l[B] = null, q) {
                  if (F == X) break
                } else {
                  if (F.nodeType != 8) break;
                  F.data.startsWith('$s') && (X = pa(q = F))
                }
          }
          if (!q) {
            for (; d && d.nodeType == 8 && d.nextSibling;) d = d.nextSibling;
            q = d
          }
          (p = pa(q = t.__c.__z || (t.__c.__z = q))) ? (t.__e = q, d = p) : t.__e = d, d = d && d.nextSibling
        } else l && l.some(wr);
      else t.__e = n.__e;
      t.__k || (t.__k = n.__k || []), W && W.then || Vs(t), Le.__e(W, t, n)
    }
  }
  else d = t.__e = _f(n.__e, t, n, o, i, l, s, c, m, e); return (p = Le.diffed) && p(t), d
}
function pa(e, t) {
  if (e && e.nodeType == 8 && e.data.startsWith('$s'))
    for (var n = 1; e = e.nextSibling;) {
      if (e.nodeType == 8) {
        if (e.data.startsWith('$s')) n++;
        else if (e.data.startsWith('/$s') && !--n) return e
      }
      t && t.push(e)
    }
}
function Vs(e) { e && (e.__c && (e.__c.__g |= 4), e.__k && e.__k.some(Vs)) }
function Gs(e, t, n) {
  for (var o = 0; o < n.length;) Bi(n[o++], n[o++], n[o++]);
  Le.__c && Le.__c(t, e), e.some(function(i) {
    try {
      e = i.__h, i.__h = [], e.some(function(l) { l.call(i) })
    } catch (l) {
      Le.__e(l, i.__v)
    }
  })
}
function _f(e, t, n, o, i, l, s, d, c, m) {
  var p, b, y, _, v, x, P, $, S = n.props || _a, D = t.props, T = t.type;
  if (T == 'svg'      ? i = 'http://www.w3.org/2000/svg' :
          T == 'math' ? i = 'http://www.w3.org/1998/Math/MathML' :
                        i || (i = 'http://www.w3.org/1999/xhtml'),
      l) {
    for (p = 0; p < l.length; p++)
      if ((v = l[p]) && (T ? v.localName == T : v.nodeType == 3)) {
        e = v, l[p] = null;
        break
      }
  }
  if (!e) {
    if ($ = m.ownerDocument || document, !T) return $.createTextNode(D);
    e = $.createElementNS(i, T, D.is ? D : m), d && (Le.__m && Le.__m(t, l), d = !1), l = null
  }
  if (T) {
    if (m = T == 'template' && e.content || e, l = T == 'textarea' && D.defaultValue != null ? null : l && Ws.call(m.childNodes), !d && l)
      for (S = {}, p = 0; p < e.attributes.length; p++) S[(v = e.attributes[p]).name] = v.value;
    for (p in S)
      v = S[p],
      p == 'dangerouslySetInnerHTML' ?
          y = v :
          p == 'children' || p in D || p == 'value' && 'defaultValue' in D || p == 'checked' && 'defaultChecked' in D || ca(e, p, null, v, i);
    for (p in D)
      v = D[p],
      p == 'children'                    ? _ = v :
          p == 'dangerouslySetInnerHTML' ? b = v :
          p == 'value'                   ? x = v :
          p == 'checked'                 ? P = v :
                                           d && typeof v != 'function' || S[p] === v || ca(e, p, v, S[p], i);
    b ? (d || y && (b.__html == y.__html || b.__html == e.innerHTML) || (e.innerHTML = b.__html), t.__k = []) :
        (y && (e.textContent = ''),
         (T == 'foreignObject' || i == 'http://www.w3.org/1998/Math/MathML' && df.test(T)) && (i = 'http://www.w3.org/1999/xhtml'),
         Us(m, Hi(_) ? _ : [_], t, n, o, i, l, s, l ? l[0] : n.__k && nr(n, 0), d, c), l && l.some(wr)),
        d && T != 'textarea' ||
        (p = 'value', T == 'progress' && x == null ? e.removeAttribute(p) : x == null || x === e[p] && (T != 'progress' || x) || ca(e, p, x, S[p], i),
         p = 'checked', P != null && P != e[p] && ca(e, p, P, S[p], i))
  } else S === D || d && e.data == D || (e.data = D);
  return e
}
function Bi(e, t, n, o) {
  try {
    typeof e == 'function' ?
        t ? t.__x = e(t) || 1 : o && (o = o.__c || o.__e) && (t = o.__x) && (o.__x = null, typeof t == 'function' ? t() : e(null)) :
        e.current = t
  } catch (i) {
    Le.__e(i, n)
  }
}
function zi(e, t, n) {
  var o, i, l, s;
  if (Le.unmount && Le.unmount(e), !(o = e.ref) || o.current && o.current != e.__e || Bi(o, null, t, e), o = e.__c) {
    if (o.componentWillUnmount) try {
        o.componentWillUnmount()
      } catch (d) {
        Le.__e(d, t)
      }
    o.__P = o.__n = null
  }
  if (o = e.__k)
    for (s = 0; s < o.length; s++) o[s] && zi(o[s], t, typeof e.type != 'function' || n && !e.props.__P);
  !n && (o = e.__c) && (o = o.__z) && (i = pa(o, l = [])) && (o == e.__e && l.some(wr), wr(i), wr(o)), n || wr(e.__e), e.__e = e.__c = e.__ = null
}
function hf(e, t, n) { return this.constructor(e, n) }
function qs(e, t) {
  var n, o, i, l;
  Le.__ && Le.__(e, t), t.nodeType == 9 && (t = t.documentElement), o = (n = e && 32 & e.__u) ? null : t.__k, t.__k = ma(M, {children: [e]}), i = [],
                                                                    l = [],
                                                                    Wi(t, t.__k, o || _a, _a, t.namespaceURI,
                                                                       o                ? null :
                                                                           t.firstChild ? Ws.call(t.childNodes) :
                                                                                          null,
                                                                       i, o ? o.__e : t.firstChild, n, l),
                                                                    Gs(i, t.__k, l), t.__k.props.children = null
}
Le = {
  __e: function(e, t, n, o) {
    for (var i, l, s; t = t.__;)
      if ((i = t.__c) && !(1 & i.__g)) {
        i.__g |= 4;
        try {
          if ((s = (l = i.constructor) && l.getDerivedStateFromError) && i.setState(l.getDerivedStateFromError(e)),
              i.componentDidCatch && (i.componentDidCatch(e, o || {}), s = 1), s && 8 & i.__g)
            return void (i.__g |= 2)
        } catch (d) {
          e = d
        }
      }
    throw ga = 0, e
  }
},
    Rs = 0, uf = function(e) {
      return e != null && e.constructor === Co
    }, fa.prototype.setState = function(e, t) {
      var n = this.__s;
      n && n != this.state || (n = this.__s = vr({}, this.state)), typeof e == 'function' && (e = e(vr({}, n), this.props)),
          e && (vr(n, e), this.__v && (t && this.__k.push(t), Fs(this)))
    }, fa.prototype.forceUpdate = function(e) {
      this.__v && (this.__g |= 4, e && this.__h.push(e), Fs(this))
    }, fa.prototype.render = M, tr = [], ga = 0, Is = function(e, t) {
      return e.__v.__b - t.__v.__b
    }, da = Symbol(), Hs = /(PointerCapture)$|Capture$/i, Ii = 0, Ri = {}, cf = 0;
var Mn = ['held', 'scheduled', 'ready', 'sending', 'retrying'], rr = [...Mn, 'succeeded', 'failed', 'cancelled', 'expired'], gt = e => Mn.includes(e);
var Bn =
        [
          'state',       'host',     'error',         'lane',           'caller',        'url_prefix',    'fkey',
          'fkey_prefix', 'label',    'mode',          'service',        'topic',         'subscription',  'event',
          'schedule',    'group_id', 'created_after', 'created_before', 'settled_after', 'settled_before'
        ],
    Po = ['created_after', 'created_before', 'settled_after', 'settled_before'], Jr = e => `filter_${e}`;
function Ks(e) {
  let t = {};
  for (let n of Bn) {
    let o = e.getAll(n).filter(i => i !== '');
    o.length > 0 && (t[n] = n === 'state' ? o.flatMap(i => i.split(',')) : o)
  }
  return t
}
function Ui(e) {
  let t = {};
  for (let n of Bn) t[n] = n === 'state' ? e.state?.join(',') ?? null : e[n] ?? null;
  return t
}
function Ys(e) {
  let t = new URLSearchParams;
  for (let [n, o] of Object.entries(Ui(e)))
    for (let i of o == null ? [] : Array.isArray(o) ? o : [o]) t.append(n, i);
  return t.toString()
}
function Js(e) {
  let t = {};
  for (let n of Bn) {
    let o = e[n];
    o && (t[n] = n === 'state' || n === 'label' ? o : o[0])
  }
  return t
}
var ba = /\s*([a-z_]+)=(?:"((?:[^"\\]|\\.)*)"(?=\s|$)|(\S*(?:\s+(?![a-z_]+=)\S+)*))/y;
function bf(e, t) {
  if (!Bn.some(o => new RegExp(`(^|\\s)${o}=`).test(e))) return null;
  let n = {};
  for (ba.lastIndex = 0; ba.lastIndex < e.length;) {
    let o = ba.lastIndex, i = ba.exec(e);
    if (!i) return {strange: e.slice(o).split(/\s+(?=[a-z_]+=)/)[0].trim()};
    let l = i[1], s = i[2]?.replace(/\\(.)/g, '$1') ?? i[3], d = l === 'state' ? s.split(/[\s,]+/) : [s], c = Po.includes(l) ? t(s) : 0;
    if (!Bn.includes(l) || s === '' || c === null || l === 'state' && !d.every(m => rr.includes(m))) return {strange: i[0].trim()};
    n[l] = [...n[l] ?? [], ...Po.includes(l) ? [new Date(c).toISOString()] : d]
  }
  return { filter: n }
}
function Qs(e, t) {
  let n = e.trim();
  if (n === '') return null;
  if (/^n[0-9a-f]{16}$/.test(n)) return {id: n};
  let o = bf(n, t);
  return o ||
      (/^https?:\/\//.test(n) || /^(service|command):/.test(n) ? {filter: {url_prefix: [n]}} :
           rr.includes(n)                                      ? {filter: {state: [n]}} :
           /^([\w.-]+|\[[0-9a-f:.]+\]):\d+$/i.test(n)          ? {filter: {host: [n]}} :
           /^[^:\s]+:\S/.test(n)                               ? {filter: {label: [n]}} :
           /^(connect_failed|timeout|tls|dns|connection_lost|destination_refused|not_signed|unexpected_answer|not_ready|response_too_large|too_many_redirects|command_not_started)$/
               .test(n) ?
                                   {filter: {error: [n]}} :
                                   {filter: {fkey_prefix: [n]}})
}
var Xs = e => JSON.isRawJSON?.(e) ?? !1, ya = e => /^\ue000+\d+$/.test(e) ? e.slice(1) : e, yf = ['"data"', '"notify"', '"publish"', '"filter"'];
function Zs(e, t) {
  let n = 0, o = t;
  return e.replace(/"(?:[^"\\]|\\.)*"(?=(\s*:)?)|[{}[\]]/g, (i, l) => {
    if (i === '{' || i === '[') n += 1;
    else if (i === '}' || i === ']') n -= 1;
    else if (l !== void 0) {
      if (!t && n === 1) o = yf.includes(i);
      else if (o && /\d"$/.test(i)) {
        let s = JSON.parse(i);
        if (/^\ue000*\d+$/.test(s)) return JSON.stringify('' + s)
      }
    }
    return i
  })
}
function eu(e, t) {
  let n = JSON.rawJSON;
  if (!n) return JSON.parse(Zs(e, t));
  let o = (i, l, s) => typeof l == 'number' && s?.source !== void 0 && String(l) !== s.source ? n(s.source) : l;
  return JSON.parse(Zs(e, t), o)
}
var tu = e => eu(e, !1), Qr = e => eu(e, !0);
function Ft(e, t, n) { return JSON.stringify(e, t, n).replace(/"\ue000(\ue000*\d+)"(?=\s*:)/g, '"$1"') }
var Vi = e => Xs(e) ? e.rawJSON : null, ji = e => typeof e == 'object' && e !== null && !Array.isArray(e) && !Xs(e),
    nu = e => e === null || ji(e) && Object.values(e).some(nu);
function Gi(e, t, n = '') {
  if (!ji(e) || !ji(t)) return e !== void 0 && Ft(e) === Ft(t) ? void 0 : {patch: t, unsayable: nu(t) ? n : null};
  let o = Object.keys(e).filter(l => !Object.hasOwn(t, l)).map(l => [l, null]), i = null;
  for (let [l, s] of Object.entries(t)) {
    let d = Gi(Object.hasOwn(e, l) ? e[l] : void 0, s, `${n}/${ya(l)}`);
    d && (o.push([l, d.patch]), i ??= d.unsayable)
  }
  return o.length === 0 ? void 0 : {patch: Object.fromEntries(o), unsayable: i}
}
var qi = /([\0-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]+)/, au = 1e5, ru = '***', ka = e => new TextEncoder().encode(e),
    wf = e => Array.from(ka(e), t => '\\' + t.toString(8).padStart(3, '0')).join('');
function or(e) {
  return /^[\w./:@%+,-][\w./:@%+=,-]*$/.test(e) ? e :
                                                  e.split(qi)
                                                      .map(
                                                          (n, o) => o % 2 === 1 ? `"$(printf '${wf(n)}')"` :
                                                              n === '' ? '' :
                                                                         `'${n.replace(/'/g, '\'\\\'\'')}'`)
                                                      .join('') ||
          '\'\''
}
var xa = (e, t) => `--${e.replace(/_/g, '-')}${t.startsWith('-') ? '=' : ' '}${or(t)}`, Ta = e => (e.startsWith('-') ? '-- ' : '') + or(e),
    Ca = e => e === 'default' ? 'notifyctl' : `notifyctl ${xa('namespace', e)}`;
function Pa(e, t, n) {
  let o = [Ca(n), e];
  for (let i of Bn)
    for (let l of i === 'state' && t.state ? [t.state.join(',')] : t[i] ?? []) o.push(xa(i, l));
  return o.join(' ')
}
function Ki({url: e, headers: t, ...n}, o) {
  let i = [or(String(e))];
  for (let [d, c] of Object.entries(t ?? {})) i.push(xa('header', `${d}: ${c}`));
  for (let [d, c] of Object.entries(n)) i.push(xa(d, typeof c == 'string' && d !== 'data' ? c : Ft(c)));
  let l = i.join(' '), s = `${Ca(o)} submit`;
  return !l.includes('\\000') && i.every(d => ka(d).length <= au) ? `${s} ${l}` : `printf '%s\\n' ${or(Ft({url: e, headers: t, ...n}))} | ${s} -f -`
}
var Sa = e => e != null;
function wa(e, t) { return Object.fromEntries(Object.entries(e ?? {}).filter(([n, o]) => Sa(o) && JSON.stringify(o) !== JSON.stringify(t[n]))) }
var vf = {
  method: 'POST',
  content_type: 'application/json',
  on_held: 'reject',
  partitions: 16,
  order_by_missing: 'refuse',
  mode: 'concurrent',
  priority: 4,
  reply: 'expected',
  keep_response_bytes: 0,
  connect_timeout_ms: 5e3,
  caller: 'unknown'
},
    kf = {max_attempts: 10, initial_ms: 1e3, factor: 2, max_ms: 36e5, jitter: .1}, xf = ['fatal_on', 'later_on', 'only_on'];
function Sf(e, t) {
  let {
    url: n,
    method: o,
    headers: i,
    content_type: l,
    data: s,
    body: d,
    body_base64: c,
    pool: m,
    pool_fallback: p,
    instance: b,
    fkey: y,
    on_held: _,
    group: v,
    order_by: x,
    partitions: P,
    order_by_missing: $,
    priority: S,
    reply: D,
    compress: T,
    follow_redirects: C
  } = e,
 {keep_response_bytes: A, timeout_ms: G, connect_timeout_ms: q, idempotency_key: X, caller: B, labels: F, callback_url: Y} = e,
 W = n.split(/[?#]/)[0] + (v ? '#' + v : ''), ie = Sa(x), J = ie ? e.lane.replace(/~\d+$/, '') : e.lane, de = wa(e.retry, kf);
  for (let De of xf) de[De] && (de[De] = wa(e.retry[De], {}));
  let K = wa(e.expect, {}), Et = {
    url: n,
    headers: Object.keys(i).length > 0 ? i : null,
    method: o,
    content_type: l,
    data: s,
    body: d,
    body_base64: c,
    pool: m,
    pool_fallback: p,
    instance: b,
    fkey: y,
    on_held: _,
    ...e.delay_ms !== null ? {delay_ms: e.delay_ms} : {due_at: e.due_at !== null && Date.parse(e.due_at) > t ? e.due_at : null},
    lane: J === W ? null : J,
    group: v,
    order_by: x,
    partitions: P,
    order_by_missing: $,
    mode: ie ? null : e.mode,
    priority: S,
    reply: D,
    expect: JSON.stringify(K) === '{"status":["2xx"]}' ? null : K,
    retry: Object.keys(de).length > 0 ? de : {max_attempts: e.retry.max_attempts},
    compress: T,
    follow_redirects: C,
    keep_response_bytes: A,
    timeout_ms: G,
    connect_timeout_ms: q,
    ...e.ttl_ms !== null ? {ttl_ms: e.ttl_ms} : {expires_at: e.expires_at},
    idempotency_key: X,
    caller: B,
    labels: F,
    callback_url: Y
  };
  return wa(Et, vf)
}
function iu(e) {
  let t = [];
  return (Object.values(e.headers).includes(ru) || e.url.endsWith('/' + ru)) && t.push('command_hidden'),
         e.data === void 0 && e.body === void 0 && t.push('no_bodies'), t
}
function lu(e, t, n) {
  let o = iu(e);
  return (e.event ?? e.schedule ?? e.group_id) && o.push('command_alone'), e.idempotency_key !== null && o.push('command_once'),
         e.ttl_ms === null && e.expires_at !== null && Date.parse(e.expires_at) <= n && o.push('command_over'), {
    text: Ki(Sf(e, n), t), notes: o
  }
}
var va = e => encodeURIComponent(e).replace(/[!'()*~]/g, t => '%' + t.charCodeAt(0).toString(16).toUpperCase()).replace(/%20/g, '+');
function ou(e) {
  let t = [], n = (o, i) => {
    if (o !== null)
      if (typeof o != 'object') t.push(`${i}=${va(o === !0 ? '1' : o === !1 ? '0' : String(o))}`);
      else if (Vi(o) !== null) t.push(`${i}=${va(Vi(o))}`);
      else
        for (let [l, s] of Object.entries(o)) n(s, i === null ? va(ya(l)) : `${i}%5B${va(ya(l))}%5D`)
  };
  return n(e, null), t.join('&')
}
function Tf(e) {
  let {data: t, content_type: n} = e, o = e.url.split('#')[0];
  if (t == null) return {url: o, body: e.body ?? e.body_base64 ?? null, base64: !Sa(e.body) && Sa(e.body_base64)};
  if (['GET', 'HEAD', 'DELETE'].includes(e.method)) {
    let l = ou(t);
    return { url: l === '' ? o : o + (o.includes('?') ? /[?&]$/.test(o) ? '' : '&' : '?') + l, body: null, base64: !1 }
  }
  let i = n.split(';')[0].trim().toLowerCase() === 'application/x-www-form-urlencoded';
  return { url: o, body: i ? ou(t) : Ft(t), base64: !1 }
}
function Cf(e, t) {
  let n = l => Object.keys(e.headers).some(s => s.toLowerCase() === l), o = Object.entries(e.headers);
  !n('content-type') && t && o.push(['Content-Type', e.content_type]), e.compress && t && o.push(['Content-Encoding', 'gzip']),
      o.push(['Notify-Id', e.id], ['Notify-Attempt', String(Math.max(1, e.attempts_made + (e.state === 'sending' ? 1 : 0)))]),
      o.push(
          ['Notify-Event', e.event], ['Notify-Topic', e.topic], ['Notify-Subscription', e.subscription], ['Notify-Schedule', e.schedule],
          ['Notify-Group', e.group_id]);
  let i = o.filter(([, l]) => l !== void 0).map(([l, s]) => s.trim() === '' ? `${l};` : `${l}: ${s}`);
  return !t && !n('content-type') && ['POST', 'PUT', 'PATCH'].includes(e.method) ? [...i, 'Content-Type:'] : i
}
function su(e) {
  if (e.url.startsWith('service:')) return {text: null, notes: ['curl_service']};
  if (!/^https?:/.test(e.url)) return {text: null, notes: ['curl_command']};
  let {url: t, body: n, base64: o} = Tf(e), i = ['curl', ...e.method === 'HEAD' && n === null ? ['-I'] : ['-i', '-X', e.method]];
  i.push('-m', String(e.timeout_ms / 1e3), '--connect-timeout', String(e.connect_timeout_ms / 1e3)), /[[\]{}]/.test(t) && i.push('-g'),
      /\/(\.|%2e)/i.test(t) && i.push('--path-as-is');
  for (let s of Cf(e, n !== null)) i.push('-H', or(s));
  let l = '';
  return n !== null && n !== '' && (o || e.compress || qi.test(n) || ka(n).length > au) ?
             (l = !o && !qi.test(n) ? `printf %s ${or(n)} | ` :
                                      `printf %s ${o ? n : btoa(Array.from(ka(n), d => String.fromCharCode(d)).join(''))} | base64 -d | `,
              e.compress && (l += 'gzip -c | '), i.push('--data-binary', '@-')) :
                                      (n !== null || ['POST', 'PUT', 'PATCH'].includes(e.method)) && i.push('--data-raw', or(n ?? '')),
         i.push(or(t)), {
    text: l + i.join(' '), notes: [...iu(e), 'curl_without']
  }
}
var Zr, dt, Yi, uu, Ji = Object.is, Mo = 0, bu = [], Qi = [], st = Le, cu = st.__b, du = st.__r, mu = st.diffed, fu = st.__c, pu = st.unmount,
                    gu = st.__;
function Na(e, t) {
  st.__h && st.__h(dt, e, Mo || t), Mo = 0;
  var n = dt.__H || (dt.__H = {__: [], __h: []});
  return e >= n.__.length && n.__.push({}), n.__[e]
}
function I(e) { return Mo = 1, Pf(yu, e) }
function Pf(e, t, n) {
  var o = Na(Zr++, 2);
  if (o.t = e,
      !o.__c &&
          (o.__ =
               [
                 n ? n(t) : yu(void 0, t),
                 function(l) {
                   var s = (o.__N || o.__)[0], d = o.t(s, l);
                   Ji(s, d) || (o.__N = [d, o.__[1]], o.__c.setState({}))
                 }
               ],
           o.__c = dt, !dt.__f)) {
    dt.__f = !0;
    var i = dt.shouldComponentUpdate;
    dt.shouldComponentUpdate = function(l, s, d) {
      var c = this.__H;
      if (!c) return !0;
      var m = !1, p = this.props != l;
      if (c.__.some(function(y) { y.__N && (m = !0, Ji(y.__[0], y.__N[0]) || (p = !0)) }), i) {
        var b = i.call(this, l, s, d);
        return m ? b || p : b
      }
      return !m || p
    }
  }
  return o.__
}
function Fe(e, t) {
  var n = Na(Zr++, 3);
  !st.__s && Xi(n.__H, t) && (n.__P = !0, n.__ = e, n.u = t, dt.__H.__h.push(n))
}
function Ao(e, t) {
  var n = Na(Zr++, 4);
  !st.__s && Xi(n.__H, t) && (n.__P = !1, n.__ = e, n.u = t, dt.__h.push(n))
}
function Me(e) {
  return Mo = 5, Lo(function() {
           return { current: e }
         }, [])
}
function Lo(e, t) {
  var n = Na(Zr++, 7);
  return Xi(n.__H, t) && (n.__ = e(), n.__H = t), n.__
}
function Do(e, t) {
  return Mo = 8, Lo(function() { return e }, t)
}
function Nf() {
  var e;
  do {
    for (; e = Qi.shift();) try {
        No(e)
      } catch (n) {
        st.__e(n, {__: (e = e.__P) && e.__v})
      }
    for (; e = bu.shift();) {
      var t = e.__H;
      if (e.__P && t) try {
          t.__h.some(No), t.__h.some(Zi), t.__h = []
        } catch (n) {
          t.__h = [], st.__e(n, e.__v)
        }
    }
  } while (Qi.length)
}
st.__b = function(e) {
  dt = null, cu && cu(e)
}, st.__ = function(e, t) {
  e && t.__k && t.__k.__m && (e.__m = t.__k.__m), gu && gu(e, t)
}, st.__r = function(e) {
  du && du(e), Zr = 0;
  var t = (dt = e.__c).__H;
  t &&
      (Yi == dt ? dt.__h = [] : (t.__h.some(No), t.__h.some(Zi), Zr = 0), t.__h = [],
       t.__.some(function(n) { n.__N && (n.__ = n.__N), n.u = n.__N = void 0 })),
      Yi = dt
}, st.diffed = function(e) {
  mu && mu(e);
  var t = e.__c;
  t && t.__H && (t.__H.__h.length && hu(bu.push(t)), t.__H.__.some(function(n) { n.u && (n.__H = n.u) })), Yi = dt = null
}, st.__c = function(e, t) {
  t.some(function(n) {
    try {
      n.__h.some(No), n.__h = n.__h.filter(function(o) { return !o.__ || Zi(o) })
    } catch (o) {
      n.__h = [function() { throw o }]
    }
  }),
      fu && fu(e, t)
}, st.unmount = function(e) {
  pu && pu(e);
  var t, n, o = e.__c;
  o && o.__H &&
      (o.__H.__.some(function(i) {
        try {
          if (i.__P && i.__c) {
            if (n === void 0) {
              for (n = e.__; n && (!n.__c || !n.__c.__P);) n = n.__;
              n = n && n.__c
            }
            i.__P = n, hu(Qi.push(i))
          } else No(i)
        } catch (l) {
          t = l
        }
      }),
       o.__H = void 0, t && st.__e(t, o.__v))
};
var _u = typeof requestAnimationFrame == 'function';
function Mf(e) {
  var t, n = function() { clearTimeout(o), _u && cancelAnimationFrame(t), setTimeout(e) }, o = setTimeout(n, 35);
  _u && (t = requestAnimationFrame(n))
}
function hu(e) { e != 1 && uu == st.requestAnimationFrame || ((uu = st.requestAnimationFrame) || Mf)(Nf) }
function No(e) {
  var t = dt, n = e.__c;
  typeof n == 'function' && (e.__c = void 0, n()), dt = t
}
function Zi(e) {
  var t = dt;
  e.__c = e.__(), dt = t
}
function Xi(e, t) {
  return !e || e.length != t.length || t.some(function(n, o) { return !Ji(n, e[o]) })
}
function yu(e, t) { return typeof t == 'function' ? t(e) : t }
var ot = class {
  constructor(t) { this.value = t }
  value;
  watchers = new Set;
  get() { return this.value }
  set(t) {
    if (t !== this.value) {
      this.value = t;
      for (let n of [...this.watchers]) n()
    }
  }
  watch(t) { return this.watchers.add(t), () => this.watchers.delete(t) }
};
function _e(e) {
  let [, t] = I(0);
  return Fe(() => {
           let n = () => t(o => o + 1);
           return n(), e.watch(n)
         }, [e]), e.get()
}
function ar(e, t) {
  try {
    return window[e].getItem(t)
  } catch {
    return null
  }
}
function _n(e, t, n) {
  try {
    n === null ? window[e].removeItem(t) : window[e].setItem(t, n)
  } catch {
  }
}
var zn = new ot(!document.hidden);
document.addEventListener('visibilitychange', () => zn.set(!document.hidden));
function Af(e) {
  try {
    return decodeURIComponent(e)
  } catch {
    return e
  }
}
function Ma(e) {
  let t = e.replace(/^#?\/?/, ''), n = t.indexOf('?'), o = n < 0 ? t : t.slice(0, n), [i, ...l] = o.split('/').map(Af);
  return { page: i || 'overview', args: l.filter(s => s !== ''), query: new URLSearchParams(n < 0 ? '' : t.slice(n + 1)) }
}
function L(e, t = [], n = {}) {
  let o = new URLSearchParams, i = 'ns' in n ? n.ns : An.get().query.get('ns');
  i && o.set('ns', String(i));
  for (let [s, d] of Object.entries(n))
    if (!(s === 'ns' || d === null || d === void 0 || d === ''))
      for (let c of Array.isArray(d) ? d : [d]) o.append(s, c);
  let l = o.toString();
  return '#/' + [e, ...t].map(encodeURIComponent).join('/') + (l ? '?' + l : '')
}
var An = new ot(Ma(location.hash));
window.addEventListener('hashchange', () => An.set(Ma(location.hash)));
var $e = () => _e(An);
function Vt(e, t = !1) {
  if (!t) {
    location.hash = e;
    return
  }
  history.replaceState(null, '', e), An.set(Ma(e))
}
function ut(e, t = !0) {
  let n = Ma(location.hash), o = {};
  for (let i of n.query.keys()) o[i] = n.query.getAll(i);
  Vt(L(n.page, n.args, {...o, ...e}), t)
}
var Eo = 'notifyd.token', Lf = new URL('../', location.href.split('#')[0]).href, He = class extends Error {
  constructor(n, o, i, l, s) {
    super(i);
    this.status = n;
    this.type = o;
    this.detail = i;
    this.field = l;
    this.id = s
  }
  status;
  type;
  detail;
  field;
  id;
  get missing() { return this.status === 404 || this.status === 501 }
  get passing() { return this.status === 0 || this.status === 429 || this.status >= 500 }
}
, tl = 'unaskable', nl = e => /\/(\.|%2e){1,2}(?=[/?#]|$)/i.test(e.replace(/^(?!\/)/, '/')), We = new ot({state: 'unknown'}), sn = new ot(null),
  kr = () => ar('sessionStorage', Eo), wu = () => kr()?.split('_')[1] ?? null, Df = 3e4, Ef = 12e4,
  vu = () => 'console-' + Array.from(crypto.getRandomValues(new Uint8Array(16)), e => e.toString(16).padStart(2, '0')).join(''),
  Of = (e, t) => typeof t == 'number' && !Number.isFinite(t) ? String(t) : t;
function rl(e = {}) {
  let t = kr();
  return { Accept: 'application/json', ...t ? {Authorization: 'Bearer ' + t} : {}, ...e }
}
var Aa = e => Lf + e.replace(/^\//, '');
async function Ff(e) {
  let t = await e.text().catch(() => '');
  try {
    let n = JSON.parse(t);
    return new He(e.status, n.type ?? '', n.detail ?? n.title ?? '', n.field, n.id)
  } catch {
    return new He(e.status, '', t.slice(0, 200) || e.statusText)
  }
}
function ol(e) {
  if (e.status !== 401) return;
  let t = We.get().state === 'open' || kr() !== null;
  _n('sessionStorage', Eo, null), We.set({state: 'login', why: t ? 'expired' : 'asked', detail: e.detail})
}
function al(e, t) {
  let n = new AbortController, o = () => {
    clearTimeout(i), t?.removeEventListener('abort', o), n.abort()
  }, i = setTimeout(o, e);
  return t?.addEventListener('abort', o), t?.aborted && o(), { signal: n.signal, rest: () => clearTimeout(i), abort: o }
}
async function $f(e, t, {body: n, headers: o = {}, exactly: i = !1}, l) {
  let s = e === 'PATCH' ? 'application/merge-patch+json' : 'application/json', d = await fetch(Aa(t), {
                                                                                 method: e,
                                                                                 signal: l,
                                                                                 cache: 'no-store',
                                                                                 credentials: 'omit',
                                                                                 headers: rl(n === void 0 ? o : {'Content-Type': s, ...o}),
                                                                                 body: n === void 0 ? void 0 : Ft(n, Of)
                                                                               });
  if (!d.ok) throw await Ff(d);
  let c = await d.text();
  return { status: d.status, etag: d.headers.get('ETag'), body: c === '' ? null : i ? tu(c) : JSON.parse(c) }
}
async function se(e, t, n = {}) {
  if (nl(t)) throw new He(400, tl, '');
  let o = al(e === 'GET' ? Df : Ef, n.signal);
  try {
    let i = await $f(e, t, n, o.signal);
    return sn.set(null), i
  } catch (i) {
    throw i instanceof He ? (sn.set(null), ol(i), i.status === 403 && xu(), i) :
        n.signal?.aborted ? i :
                            (sn.get() === null && sn.set(Date.now()), new He(0, '', ''))
  } finally {
    o.abort()
  }
}
var he = async (e, t) => (await se('GET', e, {signal: t})).body, Oo = async (e, t) => (await se('GET', e, {signal: t, exactly: !0})).body;
function Lt() {
  let e = An.get().query.get('ns');
  if (e) return e;
  let t = We.get();
  return t.state !== 'open' || t.who.namespaces === '*' || t.who.namespaces.includes('default') ? 'default' : t.who.namespaces[0] ?? 'default'
}
var re = e => `/v1/namespaces/${encodeURIComponent(Lt())}${e.slice(3)}`, at = () => Ca(Lt());
function pe(...e) {
  let t = We.get();
  return t.state === 'open' && e.some(n => t.who.scopes.includes(n))
}
function Bt() {
  let e = We.get();
  return e.state === 'open' && e.who.lanes.length === 0 && e.who.fkeys.length === 0
}
function ku() {
  let e = We.get();
  return e.state === 'open' && e.who.namespaces === '*'
}
function Fo() {
  let e = We.get();
  return e.state === 'open' && e.who.namespaces === '*' && e.who.scopes.includes('admin')
}
function Xr() {
  let e = We.get();
  return e.state === 'open' && typeof e.who.member == 'string' && Fo()
}
async function il() {
  try {
    We.set({state: 'open', who: await he('/v1/whoami')})
  } catch (e) {
    if (e instanceof He && e.status === 401) return;
    if (e instanceof He && e.passing)
      return We.set({state: 'unknown', problem: e.status === 0 ? void 0 : e}), await new Promise(t => setTimeout(t, 1500)), il();
    We.set({state: 'login', why: 'refused', detail: e instanceof He ? e.detail : String(e)})
  }
}
var Rf = 6e4, If = 1e4, el = 0;
async function xu() {
  if (We.get().state !== 'open' || Date.now() - el < If) return;
  el = Date.now();
  let e = kr();
  try {
    let t = await he('/v1/whoami'), n = We.get();
    n.state === 'open' && kr() === e && JSON.stringify(n.who) !== JSON.stringify(t) && We.set({state: 'open', who: t})
  } catch {
  }
}
function Su() { window.setInterval(() => {zn.get() && Date.now() - el >= Rf && xu()}, 5e3) }
async function Tu(e) {
  let t = e.trim(), n = /[^\x21-\x7e]/u.exec(t)?.[0];
  if (n !== void 0) {
    let o = 'U+' + n.codePointAt(0).toString(16).toUpperCase().padStart(4, '0');
    We.set({state: 'login', why: 'strange', detail: new RegExp('\\p{L}|\\p{N}|\\p{P}|\\p{S}', 'u').test(n) ? `${n} (${o})` : o});
    return
  }
  _n('sessionStorage', Eo, t);
  try {
    let {body: o} = await se('GET', '/v1/whoami', {headers: {Authorization: 'Bearer ' + t}});
    We.set({state: 'open', who: o})
  } catch (o) {
    _n('sessionStorage', Eo, null);
    let i = o;
    throw We.set({state: 'login', why: i.passing ? 'unsure' : 'refused', detail: i.status === 0 ? void 0 : i.detail}), o
  }
}
function Cu() { _n('sessionStorage', Eo, null), We.set({state: 'login', why: 'ended'}) }
var Pu = {
  unit_ms: ['ms', '毫秒'],
  unit_s: ['s', '秒'],
  unit_min: ['min', '分'],
  unit_h: ['h', '小时'],
  unit_d: ['d', '天'],
  per_s: ['/s', '/秒'],
  ago: ['{d} ago', '{d}前'],
  in_time: ['in {d}', '{d}后'],
  nav_overview: ['Overview', '概览'],
  nav_destinations: ['Destinations', '目标'],
  nav_lanes: ['Lanes', '通道'],
  nav_notifies: ['Notifies', '通知'],
  nav_fkeys: ['Fkeys', '触发键'],
  nav_groups: ['Groups', '通知组'],
  nav_topics: ['Topics', '主题与订阅'],
  nav_schedules: ['Schedules', '定时任务'],
  nav_callers: ['Callers', '调用方'],
  nav_alerts: ['Alerts', '告警'],
  nav_cluster: ['Cluster', '集群'],
  nav_namespaces: ['Namespaces', '命名空间'],
  nav_tokens: ['Tokens', '令牌'],
  nav_audit: ['Audit', '审计'],
  nav_submit: ['Submit', '提交'],
  nav_look: ['Look', '查看'],
  nav_find: ['Find', '查找'],
  nav_make: ['Made by', '来源'],
  nav_admin: ['Administer', '管理'],
  nav_title: ['Pages', '页面'],
  menu: ['Menu', '菜单'],
  skip: ['Skip to the page', '跳到正文'],
  namespace: ['Namespace', '命名空间'],
  search: ['Search', '搜索'],
  search_strange: [
    'Not understood: {text}. A search is an id, a URL, or pairs: state=failed lane="my lane" caller=shop.',
    '无法识别：{text}。可搜索编号、URL，或键值对：state=failed lane="my lane" caller=shop。'
  ],
  search_hint: ['id, URL, or key=value  ( / )', '编号、URL 或 键=值（ / ）'],
  theme_dark: ['Dark', '深色'],
  theme_light: ['Light', '浅色'],
  theme_switch: ['Switch to {theme}', '切换为{theme}'],
  language_switch: ['中文', 'English'],
  log_out: ['Log out', '退出'],
  who: ['You are {name}', '当前身份：{name}'],
  who_anybody: ['Nobody is asked who he is here', '此处无需身份验证'],
  read_only: ['read-only', '只读'],
  keys_help: ['Keys', '快捷键'],
  live_on: ['live', '实时'],
  live_waits: ['connecting', '连接中'],
  down: [
    'The broker does not answer since {time}. It is asked again; what you see is what it said before.',
    '自 {time} 起服务没有响应，正在重试；页面显示的是之前的内容。'
  ],
  stale: [
    'Nothing new came since {time}: what you see is what was said then. It is asked again.',
    '自 {time} 起没有新数据；页面显示的是当时的内容，正在重试。'
  ],
  stale_refused: ['The broker tells nothing here since {time}: {why}', '自 {time} 起服务不再提供数据：{why}'],
  nowhere_title: ['There is no such page', '没有此页面'],
  nowhere_text: ['The address names none that the console has.', '地址中的页面不存在。'],
  nowhere_back: ['To the first one', '返回首页'],
  loading: ['Loading …', '加载中…'],
  all_shown: ['{n} in all', '共 {n} 条'],
  begins_with: ['The name begins with', '名称前缀'],
  find: ['Find', '查找'],
  sorted_part: [
    'Only the first {n} by name are sorted here: there are more. Say how the name begins, or scroll on.',
    '此处仅对按名称的前 {n} 条排序，还有更多。请输入名称前缀，或继续向下滚动。'
  ],
  begins_none: ['No name begins so.', '没有以此开头的名称。'],
  none_so_far: ['Nothing was found so far, and not all was looked at.', '目前没有找到，尚未查完全部。'],
  look_on: ['Look on', '继续查找'],
  some_shown: ['{n} loaded, there are more', '已加载 {n} 条，还有更多'],
  copy: ['Copy', '复制'],
  code_more: ['{n} characters more; Copy has all.', '还有 {n} 个字符；复制可得到全部。'],
  copied: ['Copied', '已复制'],
  copy_id: ['Copy {id}', '复制 {id}'],
  cancel_dialog: ['Leave it', '不做更改'],
  close: ['Close', '关闭'],
  save: ['Save', '保存'],
  no: ['no', '否'],
  none: ['none', '无'],
  no_limit: ['no limit', '不限'],
  unknown: ['unknown', '未知'],
  try_again: ['Try again', '重试'],
  done: ['Done', '已完成'],
  by_you: ['done by {name}', '操作者：{name}'],
  name: ['Name', '名称'],
  actions: ['Actions', '操作'],
  empty_run: ['This would fill it:', '运行下面的命令即可看到内容：'],
  local_time_and_utc: ['{local} here, {utc}', '本地 {local}，{utc}'],
  login_title: ['Who are you?', '请登录'],
  login_asked: ['This broker asks for a token.', '此服务需要令牌。'],
  login_refused: ['That token was refused.', '该令牌被拒绝。'],
  login_expired: [
    'Your token does not hold any more: it expired, was replaced or was disabled. What you did before is done; what was typed and not sent is gone.',
    '您的令牌已失效（过期、被替换或被停用）。之前已完成的操作不受影响；未提交的输入已丢失。'
  ],
  login_strange: [
    'A token is of letters, digits and signs on a keyboard. In what was typed is another one, which may not be seen; copy it again:',
    '令牌只包含普通字母、数字和符号；输入中有其他字符（可能不可见），请重新复制：'
  ],
  login_unsure: ['The broker cannot tell now whether that token holds. Try again in a moment.', '服务暂时无法验证该令牌，请稍后再试。'],
  login_ended: ['You are logged out. The token is gone from this tab.', '您已退出，令牌已从此标签页清除。'],
  login_token: ['Token', '令牌'],
  login_keep: ['It is kept until this tab is closed, and sent to this broker alone.', '令牌只保存到此标签页关闭为止，且只发送给此服务。'],
  login_go: ['Log in', '登录'],
  login_none: ['The broker does not answer.', '服务没有响应。'],
  login_make: ['An administrator makes one so:', '管理员可以这样创建令牌：'],
  error_title: ['That did not work', '操作失败'],
  error_0: ['No answer came. The page asks again by itself.', '没有收到响应，页面会自动重试。'],
  error_done_0: [
    'No answer came: it may have been done all the same. Look first, then try again.', '没有收到响应：操作可能已经完成。请先查看，再决定是否重试。'
  ],
  error_done_503:
      ['It is starting, stopping or its store is busy. Look first, then try again.', '服务正在启动、停止或存储繁忙。请先查看，再决定是否重试。'],
  error_unaskable: [
    'A name that is “.” or “..” cannot be asked for from a browser, which takes it for a step in the address. Use notifyctl.',
    '浏览器会把名称“.”或“..”当作路径的一部分，无法在此访问，请使用 notifyctl。'
  ],
  error_401: ['Log in again.', '请重新登录。'],
  error_403: [
    'Your token may not do that. Ask whoever gave it to you for one of the scopes that are named.',
    '您的令牌没有此权限，请向发放者申请所需的权限范围。'
  ],
  page_scopes: ['This page takes one of the scopes: {scopes}.', '此页面需要以下权限范围之一：{scopes}。'],
  error_404: [
    'It is not there: never was, was removed by retention, or lies in another namespace.',
    '不存在：可能从未有过、已按保留期删除，或位于其他命名空间。'
  ],
  error_409: ['It is in another state by now. Look again, then decide.', '状态已经改变，请刷新后再决定。'],
  error_412: ['Somebody else changed it meanwhile. Look again, then decide.', '已被他人修改，请刷新后再决定。'],
  error_422: ['The broker does not take that value{field}.', '服务不接受该值{field}。'],
  error_429: ['Too much at once. Wait a moment, then try again.', '请求过多，请稍后再试。'],
  error_501: ['This broker cannot do that yet.', '此版本的服务尚不支持。'],
  error_503: ['It is starting, stopping or its store is busy. It is asked again.', '服务正在启动、停止或存储繁忙，正在重试。'],
  error_507: ['Its disk is full: free some space, or purge what is settled.', '磁盘已满：请释放空间或清除已完结的通知。'],
  error_other: ['The broker said {status}.', '服务返回 {status}。'],
  key_move: ['next, previous row', '下一行、上一行'],
  key_open: ['open the row', '打开该行'],
  key_search: ['search', '搜索'],
  key_close: ['close, or back to the list', '关闭，或返回列表'],
  key_help: ['this list', '此列表'],
  key_theme: ['dark or light', '深色或浅色']
};
var Nu = {
  col_state: ['State', '状态'],
  col_id: ['Id', '编号'],
  col_call: ['Call', '调用'],
  col_lane: ['Lane', '通道'],
  col_caller: ['Caller', '调用方'],
  col_attempts: ['Attempts', '尝试'],
  col_when: ['When', '时间'],
  col_host: ['Host', '主机'],
  col_breaker: ['Reached?', '可达性'],
  col_since: ['Failing since', '开始失败'],
  col_with: ['With', '错误'],
  col_accepted: ['Accepted', '接收'],
  col_failed: ['Failed', '失败'],
  col_flight: ['In flight', '进行中'],
  col_queued: ['Queued', '排队'],
  col_waits: ['Waiting', '等待中'],
  col_head_age: ['Head waits', '头部已等'],
  paused: ['paused', '已暂停'],
  pause: ['Pause', '暂停'],
  resume: ['Resume', '恢复'],
  limits: ['Limits …', '限制…'],
  limits_title: ['Limits of {name}', '{name} 的限制'],
  limit_hint: ['Empty: as the file says. Now: {now}.', '留空则按配置文件。当前：{now}。'],
  paused_done: ['{name} is paused.', '{name} 已暂停。'],
  resumed_done: ['{name} goes on.', '{name} 已恢复。'],
  paused_by_failure: ['by itself: its head ended without success', '头部未成功结束后自动暂停'],
  paused_by_request: ['by hand', '手动暂停'],
  paused_by_who: ['by {who}', '由 {who} 暂停'],
  paused_since: ['Paused since', '暂停自'],
  paused_until: ['Goes on at', '自动恢复于'],
  paused_reason: ['Reason', '原因'],
  paused_notify: ['Its head', '头部通知'],
  pause_how: ['Pause …', '暂停…'],
  pause_title: ['Pause {name}', '暂停 {name}'],
  pause_reason_hint: ['For whoever looks at it later. May be empty.', '供之后查看的人了解，可留空。'],
  pause_until_hint: [
    'Empty: until somebody resumes it. Else a time such as 08:00 or 2027-03-01 08:00, or how long: 30 min.',
    '留空则直到有人恢复；或填写时间，如 08:00、2027-03-01 08:00，或时长，如 30 min。'
  ],
  pause_until_bad: ['That is no time to come.', '不是将来的时间。'],
  paused_by_rule: ['by the file', '由配置文件暂停'],
  f_concurrency: ['In flight at most', '最大并发'],
  f_rate: ['Rate a second', '每秒速率'],
  f_burst: ['Burst', '突发'],
  f_head: ['Head', '头部'],
  f_on_retry: ['While one waits to retry', '等待重试时'],
  f_on_failure: ['When one fails', '失败时'],
  f_attempts_minute: ['Attempts of late', '近期尝试'],
  f_next_probe: ['Next probe', '下次探测'],
  probe: ['Probe now', '立即探测'],
  probe_done: ['What is next to {name} goes out now.', '发往 {name} 的下一个调用立即发出。'],
  f_waiting_lanes: ['Lanes that wait for it', '等待它的通道'],
  failed_of: ['{n} of {of} failed', '{of} 次中失败 {n} 次'],
  as_the_rule: ['as the file says', '按配置文件'],
  on_retry_block: ['those behind it wait', '后面的等待'],
  on_retry_skip: ['those behind it are sent', '后面的继续发送'],
  on_failure_continue: ['go on with the next', '继续下一个'],
  on_failure_pause: ['pause the lane', '暂停通道'],
  lanes_none: ['No lane has anything that waits.', '没有等待中的通道。'],
  lane_waiting: ['What waits here', '等待中的通知'],
  lane_empty: ['Nothing waits here.', '此处没有等待的通知。'],
  hosts_title: ['Hosts, those that fail first', '主机（失败者在前）'],
  hosts_none: ['Nothing was called yet.', '还没有发起过调用。'],
  services_title: ['Services', '服务'],
  services_none: ['No service.', '没有服务。'],
  instances: ['Instances', '实例'],
  instances_none: ['No instance: calls to this service wait.', '没有实例：调用将等待。'],
  n_alive: ['{n} alive', '{n} 正常'],
  n_unreachable: ['{n} unreachable', '{n} 不可达'],
  n_draining: ['{n} draining', '{n} 排空中'],
  balance: ['Balance', '均衡方式'],
  weight: ['Weight', '权重'],
  made_by: ['Said by', '来源'],
  by_file: ['the file', '配置文件'],
  by_request: ['a request', '请求'],
  drain: ['Drain', '排空'],
  take_calls: ['Take calls', '恢复接收'],
  take_calls_how: ['Take calls …', '恢复接收…'],
  take_calls_title: ['{id} takes calls again', '{id} 恢复接收调用'],
  take_calls_hint: ['Its part of the calls, beside those of the others.', '相对其他实例所承担的调用份额。'],
  again_button: ['Send again what failed …', '重发失败的通知…'],
  again_title: ['Send again what failed at {host}', '重发在 {host} 失败的通知'],
  again_since: ['Failed from', '失败起始时间'],
  again_count: ['Count them', '统计数量'],
  host_failed_title: ['What failed here, or is tried again', '失败或重试中的通知'],
  host_failed_none: ['Nothing failed here that is still kept.', '没有保留的失败记录。'],
  chart_attempts: ['attempts', '尝试'],
  chart_host_label: ['Attempts at {host}, a minute', '{host} 每分钟尝试'],
  told_fails: ['It fails since {time}.', '自 {time} 起失败。'],
  told_fails_with: ['It fails since {time}, with {error}.', '自 {time} 起失败：{error}。'],
  told_open: ['Nothing is sent there until a probe gets through; the next is at {time}.', '探测成功前不会发送；下次探测 {time}。'],
  told_open_soon: ['Nothing is sent there until a probe gets through.', '探测成功前不会发送。'],
  told_paused: ['It is paused by hand.', '已被手动暂停。'],
  told_well: ['It is reached.', '可达。'],
  trigger: ['Trigger', '触发'],
  trigger_title: ['Trigger {fkey}', '触发 {fkey}'],
  trigger_hint: ['Merged over what is held; may be empty.', '合并到等待中的数据，可为空。'],
  triggered: ['Triggered.', '已触发。'],
  triggered_before: ['It was triggered before: of what was typed here nothing was sent.', '此前已被触发：此处输入的内容没有发送。'],
  fkey_find: ['An fkey', '触发键'],
  fkey_look: ['Look', '查看'],
  fkey_begins: ['Those that begin so', '按前缀查找'],
  fkey_remembered:
      ['Nothing is held under it yet; a trigger is remembered for the first that comes.', '尚无等待的通知；已记住一次触发，供首个到达者使用。'],
  fkeys_held: ['Held until somebody triggers them', '等待触发的通知'],
  fkeys_none: ['Nothing is held.', '没有等待触发的通知。'],
  held_by_group: ['waits in its group', '在组内等待'],
  held_since: ['Held since', '等待自'],
  col_members: ['Members', '成员'],
  col_status: ['Status', '状态码'],
  col_reason: ['Reason', '原因'],
  groups_none: ['No group.', '没有通知组。'],
  group_members: ['Its notifies', '组内通知'],
  group_cancel: ['Cancel what waits', '取消等待中的'],
  group_order: ['Order', '顺序'],
  group_sequential: ['one after another', '逐个执行'],
  group_together: ['all at once', '同时执行'],
  group_cancel_rest: ['cancel the rest', '取消其余'],
  group_continue: ['go on', '继续'],
  active: ['active', '活动'],
  disabled: ['disabled', '已停用'],
  enable: ['Enable', '启用'],
  disable: ['Disable', '停用'],
  disable_how: ['Disable …', '停用…'],
  disable_title: ['Disable {name}?', '停用 {name}？'],
  disable_text:
      ['Whoever shows it is refused from then on. It can be enabled again, by whoever may.', '此后使用该令牌的请求将被拒绝；有权限者可重新启用。'],
  disable_own: [
    'It is the one that you use here: you are out at once, and need another one to enable it again.',
    '这是您当前使用的令牌：停用后会立即退出，需用其他令牌才能重新启用。'
  ],
  expired: ['expired', '已过期'],
  never: ['never', '永不'],
  all: ['all', '全部'],
  look: ['look', '查看'],
  catching_up: ['catching up', '追赶中'],
  paused_unreachable: ['paused: not reached', '不可达，已暂停'],
  subscriptions_title: ['Subscriptions', '订阅'],
  subscriptions_none: ['Nobody subscribed.', '没有订阅。'],
  topics_title: ['Topics', '主题'],
  topics_none: ['No topic.', '没有主题。'],
  f_topic: ['Topic', '主题'],
  f_made: ['Made', '创建'],
  col_pattern: ['Topics', '主题'],
  failing: ['Failing', '失败'],
  skipped: ['Skipped', '跳过'],
  retention: ['Kept for', '保留期'],
  as_notifies: ['as its notifies', '同通知'],
  matched: ['Matched', '匹配'],
  published: ['Published', '发布时间'],
  event_key: ['Key', '键'],
  events_title: ['Events', '事件'],
  events_none: ['No event is kept.', '没有保留的事件。'],
  event_made: ['What was made of it', '产生的通知'],
  event_none: ['No subscription matched.', '没有匹配的订阅。'],
  replay: ['Replay …', '重放…'],
  replay_event: ['Replay', '重放'],
  replay_title: ['Send past events to {name} again', '向 {name} 重放事件'],
  replay_from: ['Events from', '起始时间'],
  replay_to: ['until', '结束时间'],
  replay_now: ['Empty: now.', '留空则到现在。'],
  replay_go: ['Replay', '重放'],
  replay_was: ['This was asked for already: nothing new is made.', '该请求此前已提交：不会再产生通知。'],
  replay_later: ['They are made later.', '将陆续产生。'],
  replay_made: ['{n} notifies are made.', '已产生 {n} 条通知。'],
  every: ['every {d}', '每 {d}'],
  times: ['Times', '时间'],
  next_run: ['Next', '下次'],
  missed: ['Missed', '错过'],
  overlap: ['Overlap', '重叠'],
  over: ['over', '已结束'],
  outcome: ['Outcome', '结果'],
  made: ['Made', '产生'],
  template: ['What each run makes', '每次执行的内容'],
  runs_title: ['Last runs', '最近执行'],
  runs_none: ['No run yet.', '尚未执行。'],
  run_now: ['Run now', '立即执行'],
  run_begun: ['A run was made.', '已执行。'],
  schedules_none: ['No schedule.', '没有定时任务。'],
  callers_span: ['In the last', '最近'],
  callers_sort: ['most by', '排序'],
  callers_share: ['Share', '占比'],
  span_minute: ['minute', '一分钟'],
  span_hour: ['hour', '一小时'],
  span_day: ['day', '一天'],
  late: ['Late', '迟到'],
  col_bytes: ['Bytes', '字节'],
  chosen: ['chosen', '已选'],
  against_yesterday: ['Of the day before', '相对前一天'],
  f_submits: ['Submits a second at most', '每秒最多提交'],
  limit_none_hint: ['Empty: no limit.', '留空则不限。'],
  cluster_alone: ['This broker shares its store with no other one.', '此服务没有与其他服务共享存储。'],
  cluster_alone_text: [
    'Several brokers on one PostgreSQL are a cluster, once each has an address for the others.',
    '多个服务共用一个 PostgreSQL，并各自设置供其他成员访问的地址后，即组成集群。'
  ],
  members_title: ['Members', '成员'],
  members_none: ['No member is known yet.', '尚无已知成员。'],
  members_mixed:
      ['They run different versions: {versions}. That is meant for the time of an upgrade.', '成员版本不同：{versions}。这只应出现在升级期间。'],
  members_missing: ['No answer from {names}: what is known there alone is not shown.', '{names} 没有响应：仅由其掌握的内容未显示。'],
  member_alive: ['alive', '正常'],
  member_gone: ['gone', '已离开'],
  member_cut_off: ['not reached', '不可达'],
  member_draining: ['being emptied', '排空中'],
  member_drained: ['empty', '已排空'],
  member_leads: ['leads', '主管'],
  member_asked: ['you ask this one', '当前访问'],
  member_seen: ['Heard from', '距上次心跳'],
  member_address: ['Address', '地址'],
  member_version: ['Version', '版本'],
  member_unreached: ['Not reached by', '以下成员无法访问'],
  drain_how: ['Empty it …', '排空…'],
  drain_title: ['Empty {name}?', '排空 {name}？'],
  drain_text: [
    'Its namespaces ({n}) go to the other members, one a second, each once what is in flight of it has ended. None come to it until that is taken back, or it begins anew.',
    '其命名空间（{n} 个）将逐个移到其他成员（每秒一个，待进行中的调用结束后移动）。在取消排空或其重新启动之前，不会再分配命名空间给它。'
  ],
  drain_leader: [
    'It leads: what the leader keeps goes last, once all else has gone, and another member leads.',
    '它是主管成员：主管的内容在其他全部移走之后最后移交，由另一成员主管。'
  ],
  drain_alone: ['No other member takes namespaces now: nothing will move.', '目前没有其他成员可接收命名空间，不会移动任何内容。'],
  drain_begun: ['{name} is being emptied.', '正在排空 {name}。'],
  drain_end: ['Take again', '恢复接收'],
  drain_ended: ['Namespaces may come to {name} again.', '{name} 可再次接收命名空间。'],
  served_title: ['Who serves what', '命名空间归属'],
  served_none: ['No namespace is placed yet.', '尚未分配命名空间。'],
  served_by: ['Served by', '服务成员'],
  served_by_nobody: ['nobody now', '暂无'],
  served_goes: ['On its way to', '正移往'],
  served_cell: ['Cell', '单元'],
  cell_home: ['home', '主单元'],
  cell_moves: ['Moves to', '移往单元'],
  cell_queued: ['queued', '排队中'],
  cell_beginning: ['beginning', '正在开始'],
  cell_copying: ['copying: {n} keys', '正在复制：{n} 个键'],
  cell_following: ['following: {n} keys', '正在追赶：{n} 个键'],
  cell_standing_still: ['stands still', '暂停服务'],
  cell_switching: ['switching', '正在切换'],
  cell_ending: ['ending', '即将完成'],
  cell_waits: ['waits: {why}', '等待：{why}'],
  served_epoch: ['Epoch', '纪元'],
  served_load: ['Load a second', '每秒负载'],
  moves_title: ['What was moved last', '最近的移动'],
  moves_none: ['Nothing was moved since the leader leads.', '自主管成员上任以来没有移动。'],
  moves_unknown: ['It is not known: whoever leads did not answer.', '未知：主管成员没有响应。'],
  move_from: ['From', '从'],
  move_from_nobody: ['nobody', '无'],
  move_to: ['To', '到'],
  move_removed: ['removed since', '已删除'],
  awake: ['awake', '活跃'],
  asleep: ['asleep', '休眠'],
  being_removed: ['being removed', '正在删除'],
  stored: ['Stored', '占用'],
  submits_minute: ['Submits a minute', '每分钟提交'],
  attempts_minute: ['Attempts a minute', '每分钟尝试'],
  scopes: ['Scopes', '权限范围'],
  last_used: ['Last used', '最近使用'],
  tokens_none: ['No token.', '没有令牌。'],
  token_new: ['New token …', '新建令牌…'],
  token_make: ['Make it', '创建'],
  token_made: ['The token', '令牌'],
  token_once: ['Copy it now: it is shown this once.', '请立即复制：只显示这一次。'],
  token_namespaces_hint: ['Names, or *; empty: those that you have.', '名称或 *；留空则与您相同。'],
  token_days: ['Expires in (days)', '有效期（天）'],
  token_days_bad: ['That is no number of days. One is 90; 100,000 at most.', '不是有效的天数。例如 90；最多 100,000。'],
  token_days_hint: ['Empty: never.', '留空则永不过期。'],
  audit_none: ['Nothing was changed yet.', '还没有变更记录。'],
  audit_hint: ['Every change by a request is told here for 90 days.', '所有通过请求做的变更在此保留 90 天。'],
  audit_what: ['What', '操作'],
  audit_who: ['Who', '操作者'],
  audit_object: ['Object', '对象'],
  audit_count: ['Count', '数量'],
  audit_said: ['Said', '内容'],
  audit_from: ['From', '来源'],
  alerts_missing: ['This broker has no alerts yet.', '此版本的服务尚不支持告警。'],
  alerts_none: ['No alert is set up. In the configuration file:', '尚未配置告警。在配置文件中添加：'],
  alerts_firing: ['{n} firing', '{n} 个触发中'],
  alert_test: ['Send a test', '发送测试'],
  alert_tested: ['A test message is on its way.', '测试消息已发出。'],
  alert_when: ['When', '条件'],
  alert_for: ['for {d}', '持续 {d}'],
  alert_since: ['Firing since', '触发自'],
  alert_to: ['To', '发送到'],
  alert_message: ['Last message', '最近消息'],
  alert_undelivered: ['Not delivered', '未送达'],
  alert_causes_1: ['1 cause', '1 个原因'],
  alert_causes: ['{n} causes', '{n} 个原因'],
  filters: ['Filters', '筛选条件'],
  filter_which: ['Filter by', '筛选项'],
  filter_value: ['Value', '值'],
  filter_add: ['Filter', '筛选'],
  order: ['Order', '排序'],
  order_newest: ['newest first', '最新优先'],
  order_due: ['due soonest first', '最早到期优先'],
  filter_remove: ['Without {name}', '去掉{name}'],
  time_hint: ['02:00, 2 h, 2026-11-27 02:00', '02:00、2 h、2026-11-27 02:00'],
  time_bad: ['A time is 02:00, 2 h (ago), or 2026-11-27 02:00.', '时间写法：02:00、2 h（之前）或 2026-11-27 02:00。'],
  lane_is_url: ['its URL', '同 URL'],
  count_ever: ['ever since the store was made', '自存储创建以来的总数'],
  empty_filter: ['Nothing matches.', '没有符合条件的通知。'],
  empty_filter_hint: [
    'Take a filter away, or look at another namespace. What is settled is removed by retention.',
    '请减少筛选条件或切换命名空间；已完结的通知会按保留期删除。'
  ],
  empty_notifies: ['No notify yet.', '还没有通知。'],
  bulk_hint: [
    'Choose states on the left: what they match can then be sent again, cancelled or purged at once.',
    '在左侧选择状态后，可对匹配的通知批量重发、取消或清除。'
  ],
  bulk_retry: ['Send again …', '重新发送…'],
  bulk_cancel: ['Cancel …', '取消…'],
  bulk_purge: ['Purge …', '清除…'],
  bulk_counting: ['Counting: {n} so far …', '正在统计：目前 {n} 条…'],
  bulk_nothing: ['Nothing matches: there is nothing to do.', '没有匹配项，无需操作。'],
  bulk_would: ['{n} notifies match.', '匹配 {n} 条通知。'],
  bulk_would_more: ['More than {n} notifies match.', '匹配超过 {n} 条通知。'],
  bulk_nothing_else: ['Nothing else is touched.', '其余不受影响。'],
  bulk_and_more: [
    'What was accepted before and comes to one of these states meanwhile is touched, too; nothing else.',
    '此前接收、期间进入这些状态的通知也会受影响；其余不受影响。'
  ],
  bulk_runs: ['It is still under way. Press “Stop here” to end it, or wait for its end.', '仍在执行。请点击“停止”结束，或等待完成。'],
  bulk_last: [
    'Of the last step it is not known whether it was done. Nothing is asked again: close this, look, and count anew.',
    '最后一步是否完成未知，且不会自动重试：请关闭后查看，再重新统计。'
  ],
  bulk_did: ['{n} of {of}', '{n} / {of}'],
  bulk_retry_go: ['Send {n} again', '重新发送 {n} 条'],
  bulk_cancel_go: ['Cancel {n}', '取消 {n} 条'],
  bulk_purge_go: ['Purge {n}', '清除 {n} 条'],
  bulk_stop: ['Stop here', '停止'],
  bulk_stopped: ['Stopped after {n}. What was done stays done.', '已在 {n} 条后停止，已完成的不会撤销。'],
  as_command: ['The same as a command', '对应的命令'],
  waterfall_title: ['What became of it', '经过'],
  facts_title: ['What it is', '详情'],
  to_scale: ['True to scale', '按真实比例'],
  now: ['now', '现在'],
  in_all: ['{d} in all', '共 {d}'],
  so_far: ['{d} so far', '已 {d}'],
  attempt_n: ['attempt {n}', '第 {n} 次尝试'],
  attempt_now: ['attempt {n}, under way', '第 {n} 次尝试，进行中'],
  attempt_answer: ['What came back', '返回内容'],
  attempt_instance: ['to', '目标实例'],
  attempts_missing: ['{n} earlier attempts are not kept', '更早的 {n} 次尝试未保留'],
  next_attempt: ['next attempt', '下次尝试'],
  wait_delay: ['waited for its due time', '等待到期'],
  wait_held: ['held for its trigger', '等待触发'],
  wait_turn: ['waited for its turn', '排队'],
  wait_again: ['waited to try again', '等待重试'],
  wait_gone: ['waited until it was taken back', '等待直至撤销'],
  why_title: ['Why it is not sent yet', '为什么还没发送'],
  why_now: ['It is being sent', '正在发送'],
  why_expected: ['It can be sent from', '最早可发送时间：'],
  why_depends: ['When that will be depends on others.', '具体时间取决于其他通知。'],
  to_lane: ['Look at the lane', '查看通道'],
  to_host: ['Look at the host', '查看主机'],
  to_caller: ['Look at the caller', '查看调用方'],
  to_fkey: ['Look at the fkey', '查看触发键'],
  to_subscription: ['Look at the subscription', '查看订阅'],
  to_service: ['Look at the service', '查看服务'],
  send_now: ['Send now', '立即发送'],
  send_again: ['Send again', '重新发送'],
  send_though_paused: ['Send this one, though its lane is paused', '忽略通道暂停，仅发送此条'],
  retried: ['It is due now.', '已设为立即发送。'],
  change: ['Change …', '修改…'],
  changed: ['Changed.', '已修改。'],
  change_title: ['Change what is not sent yet', '修改未发送的通知'],
  change_delay: ['Due in (seconds)', '延迟（秒）'],
  change_delay_hint: ['From now; empty: as it is.', '从现在起；留空则不变。'],
  change_priority_hint: ['0 to 9; empty: the default.', '0 到 9；留空则为默认值。'],
  change_default_hint: ['Empty: the default.', '留空则为默认值。'],
  change_data_hint: ['All of it, as it is to be; empty: none.', '修改后的全部内容；留空则没有数据。'],
  change_null: [
    'A null cannot be put at {path} here: a change takes it for a key that goes. Submit it anew instead.',
    '无法在此将 {path} 设为 null：修改时 null 表示删除该键。请重新提交。'
  ],
  change_nothing: ['That is as it was: there is nothing to change.', '内容没有变化，无需修改。'],
  cancel_notify: ['Cancel it', '取消通知'],
  cancel_title: ['Cancel this notify?', '取消此通知？'],
  cancel_text: ['{id} will not be sent. It can be sent again later.', '{id} 将不再发送；之后仍可重新发送。'],
  cancelled: ['Cancelled.', '已取消。'],
  copy_as: ['Make the call yourself', '自行调用'],
  sent_title: ['What is sent', '发送内容'],
  answer_title: ['The answer that is kept', '保留的响应'],
  answer_truncated: ['There was more of it.', '内容有截断。'],
  no_body: ['No body.', '没有正文。'],
  no_bodies: ['Your token may not see bodies (scope read_bodies).', '您的令牌无权查看正文（需要 read_bodies）。'],
  lane_last: ['nothing that is due', '没有到期的通知'],
  lane_unknown: ['cannot be told from here', '无法在此判断'],
  command_hidden: ['Where it says ***, put what is not shown here.', '*** 处未显示，请自行填入。'],
  command_alone: [
    'It stands by itself so, without the event, schedule or group that it came from.', '这样提交的通知独立存在，不属于原来的事件、定时任务或通知组。'
  ],
  command_once: ['With its idempotency key it is not accepted a second time while that is remembered.', '在幂等键记忆期内不会再次接收。'],
  command_over: ['The time at which it expires is over: so it is refused.', '过期时间已过，将被拒绝。'],
  curl_without: [
    'Without what the broker adds by itself: User-Agent, Notify-Via, trace, signature, headers of its file. No redirect is followed.',
    '不含服务自行添加的内容：User-Agent、Notify-Via、追踪、签名、配置文件中的请求头；不跟随重定向。'
  ],
  curl_service:
      ['The broker chooses an instance of the service for each attempt: there is no URL to call.', '每次尝试由服务端选择实例，没有固定的调用地址。'],
  curl_command: ['A program that the broker runs: nothing is called.', '由服务端运行的程序，不发起调用。'],
  f_url: ['URL', 'URL'],
  f_lane: ['Lane', '通道'],
  f_next_in_lane: ['Next in its lane', '通道内下一个'],
  f_host: ['Host', '主机'],
  f_service: ['Service', '服务'],
  f_caller: ['Caller', '调用方'],
  f_fkey: ['Fkey', '触发键'],
  f_group: ['Group', '通知组'],
  f_event: ['Event', '事件'],
  f_subscription: ['Subscription', '订阅'],
  f_schedule: ['Schedule', '定时任务'],
  f_labels: ['Labels', '标签'],
  f_idempotency: ['Idempotency key', '幂等键'],
  f_created: ['Accepted', '接收时间'],
  f_due: ['Due', '到期'],
  f_settled: ['Settled', '完结'],
  f_expires: ['Expires', '过期'],
  f_priority: ['Priority', '优先级'],
  f_retry: ['Attempts', '尝试'],
  f_max_attempts: ['Attempts at most', '最多尝试次数'],
  f_timeout: ['Timeout', '超时'],
  f_callback: ['Callback', '回调'],
  f_headers: ['Headers', '请求头'],
  f_data: ['Data (JSON)', '数据 (JSON)'],
  f_mode: ['Mode', '模式'],
  submit_title: ['Submit a notify', '提交通知'],
  submit_go: ['Submit', '提交'],
  submit_data_hint: ['What the receiver gets; may be empty.', '接收方得到的内容，可为空。'],
  submit_lane_hint: ['Empty: one lane a URL.', '留空则每个 URL 一个通道。'],
  submit_delay_hint: ['Empty: now.', '留空则立即发送。'],
  submit_fkey_hint: ['With it, it is held until somebody triggers that key.', '填写后将等待该键被触发。'],
  verdict_good: ['All is well.', '一切正常。'],
  verdict_stale: ['How it is now is not known: the last figures are of {time}', '当前状态未知：最后的数据来自 {time}'],
  verdict_unknown: ['Not known: {what}', '未知：{what}'],
  verdict_database: ['Its database does not answer', '数据库没有响应'],
  verdict_failing: ['{n} destinations fail', '{n} 个目标失败'],
  verdict_failing_1: ['One destination fails', '1 个目标失败'],
  verdict_late: ['The oldest due one waits for {d}', '最早到期的已等待 {d}'],
  verdict_books: ['The books are off by {n}: run notifyctl verify', '账目相差 {n}：请运行 notifyctl verify'],
  verdict_paused_1: ['1 lane is paused, and {waiting} wait in it', '1 个通道已暂停，其中 {waiting} 条等待中'],
  verdict_paused: ['{n} lanes are paused, and {waiting} wait in them', '{n} 个通道已暂停，其中 {waiting} 条等待中'],
  verdict_alerts_1: ['1 alert fires', '1 个告警触发中'],
  verdict_alerts: ['{n} alerts fire', '{n} 个告警触发中'],
  up_for: ['{version}, up for {d}', '{version}，已运行 {d}'],
  up_at: ['served by {member}', '由 {member} 提供服务'],
  spark_label: ['{name} in the last minute', '最近一分钟的{name}'],
  tile_lag: ['Lag', '延迟'],
  tile_lag_note: ['age of the oldest due one', '最早到期者的等待时间'],
  tile_in: ['In', '接收'],
  tile_in_note: ['accepted', '已接收'],
  tile_out: ['Out', '发送'],
  tile_out_note: ['attempts', '尝试'],
  tile_failed: ['Given up', '放弃'],
  tile_failed_note: ['{n} ever failed', '累计失败 {n}'],
  tile_pending: ['Pending', '未完结'],
  tile_pending_note: ['{ready} ready, {retrying} retrying', '{ready} 就绪，{retrying} 重试'],
  tile_flight: ['In flight', '进行中'],
  tile_flight_note: ['of {n}: {share}', '上限 {n}：{share}'],
  tile_late: ['Lateness', '迟到'],
  tile_late_note: ['99 of 100 are sent sooner', '99% 早于此'],
  tile_commit: ['Commit', '提交耗时'],
  tile_commit_note: ['to disk, 99 of 100 faster', '写盘，99% 快于此'],
  tile_disk: ['Disk free', '磁盘剩余'],
  tile_disk_note: ['the store has {used}', '存储占用 {used}'],
  tile_memory: ['Memory', '内存'],
  tile_books: ['Books', '账目'],
  tile_books_note: ['accepted = pending + settled', '接收 = 未完结 + 已完结'],
  books_good: ['balance', '平衡'],
  books_off: ['off by {n}', '相差 {n}'],
  failing_title: ['What hurts', '故障目标'],
  failing_none: ['Every destination is reached.', '所有目标均可达。'],
  flood_title: ['Who submits most', '提交最多的调用方'],
  flood_none: ['Nobody submitted anything in the last minute.', '最近一分钟没有提交。'],
  flood_label: ['{n} in the last minute', '最近一分钟 {n} 条'],
  per_min: ['{n}/min', '{n}/分'],
  caller_others: ['others', '其他'],
  caller_nobody: ['(no caller named)', '（未指定调用方）'],
  due_title: ['What falls due', '即将到期'],
  due_list: ['List', '列表'],
  due_hour: ['{n} in the next hour', '未来一小时 {n} 条'],
  restart_title: ['Safe to restart?', '可以安全重启吗？'],
  restart_unknown: ['Not known: there are no figures of now', '未知：没有当前数据'],
  restart_database: ['Not now: its database does not answer', '现在不行：数据库没有响应'],
  restart_look: ['Look at the books first', '请先检查账目'],
  restart_safe: ['Yes, nothing is lost', '可以，不会丢失'],
  restart_disk: ['{n} pending ones are on disk and go on afterwards.', '{n} 条未完结通知已落盘，重启后继续。'],
  restart_flight: [
    '{n} calls are in flight: they may end first; one that is cut off is made again under the same id and number.',
    '{n} 个调用进行中：会先等其结束；被中断的将以相同编号重试。'
  ],
  restart_no_flight: ['No call is in flight.', '没有进行中的调用。'],
  restart_books: ['The books balance.', '账目平衡。'],
  restart_in_place: ['In place: no client is refused.', '原地重启：不会拒绝客户端。'],
  day_title: ['The last 24 hours', '最近 24 小时'],
  day_none: ['Nothing was counted yet: a point is written each minute.', '尚无数据：每分钟写入一个点。'],
  chart_accepted: ['accepted', '接收'],
  chart_succeeded: ['succeeded', '成功'],
  chart_failed: ['failed attempts', '失败的尝试'],
  chart_late: ['lateness, 99 of 100', '迟到 p99'],
  chart_late_label: ['How late attempts began, 99 of 100, a minute', '每分钟迟到 p99'],
  chart_flow_label: ['Accepted and succeeded, a minute', '每分钟接收与成功'],
  chart_failed_label: ['Failed attempts, a minute', '每分钟失败的尝试'],
  newest_title: ['Newest', '最新通知'],
  newest_all: ['All', '全部'],
  first_title: ['No notify yet: this page shows the first one as it comes.', '还没有通知：第一条到达后会立即显示。'],
  first_text: [
    'A first notify, to your receiver\'s URL; where nothing listens there yet, it is tried again:',
    '向您的接收地址提交第一条通知；如果那里尚无服务监听，会自动重试：'
  ],
  first_here: ['or submit one here', '或在此提交'],
  alerts_undelivered: ['{n} messages of alerts are not delivered.', '{n} 条告警消息尚未送达。']
};
var Mu = {
  state_held: ['held', '等待触发'],
  state_scheduled: ['scheduled', '已定时'],
  state_ready: ['ready', '就绪'],
  state_sending: ['sending', '发送中'],
  state_retrying: ['retrying', '等待重试'],
  state_succeeded: ['succeeded', '成功'],
  state_failed: ['failed', '失败'],
  state_cancelled: ['cancelled', '已取消'],
  state_expired: ['expired', '已过期'],
  state_pending: ['pending', '未完结'],
  state_settled: ['settled', '已完结'],
  breaker_closed: ['reached', '可达'],
  breaker_open: ['breaker open', '已熔断'],
  breaker_probing: ['probing', '探测中'],
  breaker_ramp: ['coming back', '恢复中'],
  mode_fifo: ['in order (fifo)', '顺序 (fifo)'],
  mode_concurrent: ['side by side (concurrent)', '并行 (concurrent)'],
  why_not_due: ['not due yet', '尚未到期'],
  why_held: ['held until it is triggered', '等待触发'],
  why_group_turn: ['waits for the one before in its group', '等待组内前一个'],
  why_waiting_to_retry: ['waits for its next attempt', '等待下次尝试'],
  why_sending: ['being sent now', '正在发送'],
  why_behind: ['behind others in its lane', '排在通道内其他通知之后'],
  why_blocked_by_head: ['the head of its lane waits for a retry', '通道头部在等待重试'],
  why_lane_paused: ['its lane is paused', '通道已暂停'],
  why_lane_at_cap: ['its lane is at its cap', '通道已达并发上限'],
  why_host_at_cap: ['its host is at its cap', '主机已达并发上限'],
  why_caller_at_cap: ['its caller is at its cap', '调用方已达上限'],
  why_broker_at_cap: ['the broker is at its cap', '服务已达并发上限'],
  why_namespace_at_cap: ['its namespace is at its cap', '命名空间已达上限'],
  why_namespace_at_share: ['its namespace is at its share', '命名空间已达份额'],
  why_host_paused: ['its host is paused', '主机已暂停'],
  why_caller_paused: ['its caller is paused', '调用方已暂停'],
  why_host_rate_limited: ['its host\'s rate is used up', '主机速率已用尽'],
  why_rate_limited: ['its lane\'s rate is used up', '通道速率已用尽'],
  why_breaker_open: ['its host cannot be reached: the breaker is open', '主机不可达：已熔断'],
  why_no_instance: ['no instance of its service may take it', '服务没有可用实例'],
  why_subscription_paused: ['its subscription is paused', '订阅已暂停'],
  why_expires: ['it expires before it could be sent', '发送前就会过期'],
  why_next: ['it is the next one', '下一个就是它'],
  why_loading: ['being read from disk', '正在从磁盘读取'],
  why_stopping: ['the broker is stopping', '服务正在停止'],
  why_settled: ['it is settled', '已完结'],
  instance_alive: ['alive', '正常'],
  instance_draining: ['draining', '排空中'],
  instance_unreachable: ['unreachable', '不可达'],
  reason_attempts_exhausted: ['its attempts are used up', '尝试次数已用尽'],
  reason_replaced: ['another one took its place', '被替换'],
  reason_group_failed: ['its group failed', '所在组失败'],
  alert_ok: ['quiet', '正常'],
  alert_pending: ['about to fire', '即将触发'],
  alert_firing: ['firing', '触发中'],
  run_made: ['made', '已执行'],
  run_by_hand: ['by hand', '手动'],
  run_skipped: ['skipped', '跳过'],
  run_missed: ['missed', '错过'],
  filter_state: ['State', '状态'],
  filter_host: ['Host', '主机'],
  filter_error: ['Error', '错误'],
  filter_lane: ['Lane', '通道'],
  filter_caller: ['Caller', '调用方'],
  filter_url_prefix: ['URL begins with', 'URL 前缀'],
  filter_fkey: ['Fkey', '触发键'],
  filter_fkey_prefix: ['Fkey begins with', '触发键前缀'],
  filter_label: ['Label (key:value)', '标签（键:值）'],
  filter_mode: ['Mode', '模式'],
  filter_service: ['Service', '服务'],
  filter_topic: ['Topic', '主题'],
  filter_subscription: ['Subscription', '订阅'],
  filter_event: ['Event', '事件'],
  filter_schedule: ['Schedule', '定时任务'],
  filter_group_id: ['Group', '通知组'],
  filter_created_after: ['Created from', '创建于（起）'],
  filter_created_before: ['Created before', '创建于（止）'],
  filter_settled_after: ['Settled from', '完结于（起）'],
  filter_settled_before: ['Settled before', '完结于（止）']
};
var Au = {...Pu, ...Nu, ...Mu};
function Hf() {
  let e = ar('localStorage', 'notifyd.language');
  return e === 'en' || e === 'zh' ? e : navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en'
}
var Ln = new ot(Hf()), Lu = () => document.documentElement.lang = Ln.get() === 'zh' ? 'zh-CN' : 'en';
Lu();
Ln.watch(Lu);
function Du(e) { _n('localStorage', 'notifyd.language', e), Ln.set(e) }
var Wf = /[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufefc]|[\ud802\ud803\ud83a\ud83b]/;
function eo(e) {
  if (!Wf.test(e)) return e;
  let t = 0;
  return '⁨' + e.replace(/[\u2066-\u2069]/g, o => {
    if (o !== '⁩') t += 1;
    else {
      if (t === 0) return '';
      t -= 1
    }
    return o
  }) + '⁩'.repeat(t + 1)
}
function a(e, t = {}) { return Au[e][Ln.get() === 'zh' ? 1 : 0].replace(/\{(\w+)\}/g, (i, l) => Object.hasOwn(t, l) ? eo(String(t[l])) : i) }
function et(e, t) {
  let n = `${e}_${t}`;
  return Object.hasOwn(Au, n) ? a(n) : t
}
var to = (e, t = 2) => String(e).padStart(t, '0');
function _t(e, t = !1) {
  let n = new Date(e);
  if (isNaN(n.getTime())) return String(e);
  let o = `${n.getFullYear()}-${to(n.getMonth() + 1)}-${to(n.getDate())}`,
      i = `${to(n.getHours())}:${to(n.getMinutes())}:${to(n.getSeconds())}${t ? '.' + to(n.getMilliseconds(), 3) : ''}`;
  return `${o} ${i}`
}
function hn(e, t = !1) {
  let n = _t(e, t), o = _t(Date.now()).slice(0, 10);
  return n.startsWith(o) ? n.slice(11) : n.slice(5)
}
var ll = e => {
  let t = new Date(e);
  return isNaN(t.getTime()) ? String(e) : t.toISOString().replace('T', ' ').replace('Z', ' UTC')
};
function ve(e) {
  let t = e < 0 ? '−' : '', n = Math.abs(e), o = (c, m) => `${c} ${a(m)}`, i = (c, m, p, b) => o(c, m) + (p > 0 ? ' ' + o(p, b) : '');
  if (n < 1e3) return t + o(n < 10 && n % 1 !== 0 ? n.toFixed(1) : Math.round(n), 'unit_ms');
  if (n < 6e4) return t + o(n < 1e4 ? String(Math.round(n / 100) / 10) : Math.round(n / 1e3), 'unit_s');
  let l = Math.round(n / 1e3);
  if (l < 3600) return t + i(Math.floor(l / 60), 'unit_min', l % 60, 'unit_s');
  let s = Math.round(l / 60);
  if (s < 1440) return t + i(Math.floor(s / 60), 'unit_h', s % 60, 'unit_min');
  let d = Math.round(s / 60);
  return t + i(Math.floor(d / 24), 'unit_d', d % 24, 'unit_h')
}
var H = e => e.toLocaleString(Ln.get() === 'zh' ? 'zh-CN' : 'en-US', {maximumFractionDigits: 0});
function Pt(e) {
  let t = [[1e9, 'G'], [1e6, 'M'], [1e4, 'k']];
  for (let [n, o] of t) {
    if (Math.abs(e) < n) continue;
    let i = e / (o === 'k' ? 1e3 : n);
    return `${i < 100 ? i.toFixed(1) : Math.round(i)} ${o}`
  }
  return H(e)
}
function no(e) { return `${e === 0 ? '0' : e < 10 ? e.toFixed(e < 1 ? 2 : 1) : Pt(e)}${a('per_s')}` }
function Dn(e) {
  let t = e;
  for (let n of ['B', 'KiB', 'MiB', 'GiB', 'TiB']) {
    if (t < 1024 || n === 'TiB') return `${t < 10 && n !== 'B' ? t.toFixed(1) : Math.round(t)} ${n}`;
    t /= 1024
  }
  return String(e)
}
var ro = (e, t) => t > 0 ? `${(100 * e / t).toFixed(e > 0 && e / t < .1 ? 1 : 0)} %` : '–', Eu = /^(\d+)\s*(s|min|h|d)$/,
    Ou = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/, Bf = Date.UTC(1e4, 0), La = e => e >= 0 && e < Bf ? e : null;
function Da([, e, t, n = '0'], o, i) {
  if (Number(e) > 23 || Number(t) > 59 || Number(n) > 59) return null;
  let l = new Date(o);
  return new Date(l.getFullYear(), l.getMonth(), l.getDate() + i, Number(e), Number(t), Number(n)).getTime()
}
var Fu = e => Number(e[1]) * {s: 1e3, min: 6e4, h: 36e5, d: 864e5}[e[2]];
function $u(e, t = Date.now()) {
  let n = Eu.exec(e.trim()), o = Ou.exec(e.trim()), i = o ? Da(o, t, 0) : null,
      l = n                ? La(t + Fu(n)) :
      i !== null && i <= t ? Da(o, t, 1) :
                             i ?? En(e, t);
  return l !== null && l > t ? l : null
}
var zf = /^(\d{4})-(\d{2})-(\d{2})[ T](\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?\s?(Z|[+-]\d{2}:\d{2})?$/i;
function Uf(e) {
  let t = zf.exec(e);
  if (!t) return null;
  let [n, o, i, l, s, d] = t.slice(1, 7).map(b => Number(b ?? 0));
  if (o < 1 || o > 12 || i < 1 || i > new Date(Date.UTC(n, o, 0)).getUTCDate() || l > 23 || s > 59 || d > 59) return null;
  let c = Number((t[7] ?? '').padEnd(3, '0').slice(0, 3)), m = t[8];
  if (!m) return La(new Date(n, o - 1, i, l, s, d, c).getTime());
  let p = /^z$/i.test(m) ? 0 : (m[0] === '-' ? -1 : 1) * (Number(m.slice(1, 3)) * 60 + Number(m.slice(4, 6)));
  return La(Date.UTC(n, o - 1, i, l, s, d, c) - p * 6e4)
}
function En(e, t = Date.now()) {
  let n = e.trim(), o = Ou.exec(n);
  if (o) {
    let l = Da(o, t, 0);
    return l !== null && l > t ? Da(o, t, -1) : l
  }
  let i = Eu.exec(n);
  return i ? La(t - Fu(i)) : Uf(n)
}
var sl = e => Object.fromEntries(Object.entries(e).map(([t, n]) => [t, n == null ? '' : String(n)])), jf = ['on_retry', 'on_failure'],
    Vf = (e, t) => t.trim() === '' ? null :
    jf.includes(e)                 ? t :
                                     Number(t);
function Ru(e, t, n) {
  let o = Object.keys(t).filter(i => t[i].trim() !== e[i]);
  return { body: Object.fromEntries(o.map(i => [i, Vf(i, t[i])])), meanwhile: o.some(i => n[i] !== e[i]) }
}
var Gf = Symbol.for('pv'), qf = 0;
function r(e, t, n, o, i, l) {
  t || (t = {});
  var s, d, c = t;
  if ('ref' in c && typeof e != 'function')
    for (d in c = {}, t) d == 'ref' ? s = t[d] : c[d] = t[d];
  var m = {type: e, props: c, key: n, ref: s, __k: null, __: null, __b: 0, __e: null, __c: null, constructor: Gf, __v: --qf, __i: -1, __u: 0};
  return (i || l) && (m.__source = i, m.__self = l), Le.vnode && Le.vnode(m), m
}
var Iu = new ot(null), Kf = 0, Re = (e, t = !1) => Iu.set({text: e, bad: t, n: ++Kf});
function cl() {
  let e = _e(Iu), [t, n] = I(!1);
  return Fe(
             () => {
               if (!e) return;
               n(!0);
               let o = setTimeout(() => n(!1), e.bad ? 12e3 : 4e3);
               return () => clearTimeout(o)
             },
             [e]),
         r('div', {class: 'toast' + (t && e ? ' on' : '') + (e?.bad ? ' bad' : ''), role: 'status', 'aria-live': 'polite', children: e?.text ?? ''})
}
function Se({at: e, ms: t = !1, full: n = !1}) {
  if (e == null) return r('span', {class: 'faint', children: '–'});
  let o = typeof e == 'number' ? new Date(e).toISOString() : e;
  return r('time', {dateTime: o, title: a('local_time_and_utc', {local: _t(e, !0), utc: ll(e)}), children: n ? _t(e, t) : hn(e, t)})
}
function Be({at: e}) {
  if (!e) return r('span', {class: 'faint', children: '–'});
  let t = Date.now() - new Date(e).getTime();
  return r('time', {
    dateTime: e,
    title: a('local_time_and_utc', {local: _t(e, !0), utc: ll(e)}),
    children: t >= 0 ? a('ago', {d: ve(t)}) : a('in_time', {d: ve(-t)})
  })
}
async function Yf(e) {
  try {
    await navigator.clipboard.writeText(e)
  } catch {
    let t = document.createElement('textarea');
    t.value = e, document.body.append(t), t.select(), document.execCommand('copy'), t.remove()
  }
  Re(a('copied'))
}
function Je({text: e, label: t}) {
  return r('button', {
    type: 'button',
    class: 'copy',
    'aria-label': t ?? a('copy_id', {id: e.length > 60 ? e.slice(0, 60) + '…' : e}),
    title: a('copy'),
    onClick: n => {n.stopPropagation(), n.preventDefault(), Yf(e)},
    children: r(ze, {name: 'copy'})
  })
}
function O({children: e, title: t}) { return r('bdi', {class: 'name', title: t ?? e, children: e}) }
var Ea = 32768;
function tt({children: e, label: t}) {
  let n = e.length <= Ea, o = /[\ud800-\udbff]/.test(e.charAt(Ea - 1)) ? Ea - 1 : Ea;
  return r('div', {
    class: 'code',
    children: [
      r('pre', {tabIndex: 0, 'aria-label': t, children: n ? e : e.slice(0, o)}),
      n ? null : r('p', {class: 'faint', children: a('code_more', {n: H(e.length - o)})}), r(Je, {text: e, label: a('copy')})
    ]
  })
}
var Jf = {
  copy: 'M5 3h7v9M3 5h7v9H3z',
  held: 'M5 3v10M11 3v10',
  scheduled: 'M8 2a6 6 0 1 0 .01 0M8 5v3.5l2.5 1.5',
  ready: 'M4 3l9 5-9 5z',
  sending: 'M2 8h10M9 4l4 4-4 4',
  retrying: 'M13 8a5 5 0 1 1-1.6-3.7M13 2v3h-3',
  succeeded: 'M3 8.5l3.5 3.5L13 4.5',
  failed: 'M4 4l8 8M12 4l-8 8',
  cancelled: 'M8 2a6 6 0 1 0 .01 0M4 12l8-8',
  expired: 'M4 2h8L8 8l4 6H4l4-6z',
  good: 'M3 8.5l3.5 3.5L13 4.5',
  bad: 'M8 2l6.5 12h-13zM8 6.5v3.5M8 11.8v.6',
  warn: 'M8 2a6 6 0 1 0 .01 0M8 5v4M8 10.8v.6',
  menu: 'M2 4h12M2 8h12M2 12h12',
  sun: 'M8 5a3 3 0 1 0 .01 0M8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1',
  moon: 'M13 9.5A5.5 5.5 0 0 1 6.5 3 5.5 5.5 0 1 0 13 9.5z',
  search: 'M7 2.5a4.5 4.5 0 1 0 .01 0M10.5 10.5L14 14',
  close: 'M4 4l8 8M12 4l-8 8',
  half: 'M8 2a6 6 0 1 0 .01 0M8 2v12'
};
function ze({name: e}) {
  return r('svg', {class: 'icon', viewBox: '0 0 16 16', 'aria-hidden': 'true', focusable: 'false', children: r('path', {d: Jf[e]})})
}
function On({state: e}) { return r('span', {class: 'badge s-' + e, children: [r(ze, {name: e}), et('state', e)]}) }
function ee({tone: e, icon: t, children: n}) {
  let o = t ?? (e === 'plain' ? void 0 : e);
  return r('span', {class: 'badge t-' + e, children: [o ? r(ze, {name: o}) : null, n]})
}
var Qf = {closed: ['good', 'good'], open: ['bad', 'bad'], probing: ['warn', 'half'], ramp: ['warn', 'retrying']};
function oo({state: e}) {
  let [t, n] = Qf[e] ?? ['plain', 'half'];
  return r(ee, {tone: t, icon: n, children: et('breaker', e)})
}
var Zf =
    ['error_0', 'error_401', 'error_403', 'error_404', 'error_409', 'error_412', 'error_422', 'error_429', 'error_501', 'error_503', 'error_507'];
function Hu(e, t) {
  if (e.type === tl) return a('error_unaskable');
  if (t && e.status === 0) return a('error_done_0');
  if (t && e.status === 503) return a('error_done_503');
  let n = `error_${e.status}`;
  return Zf.includes(n) ? a(n, {field: e.field ? ` (${e.field})` : ''}) : a('error_other', {status: e.status})
}
function te({problem: e, again: t, done: n = !1}) {
  return r('div', {
    class: 'fault',
    role: 'alert',
    children: [
      r(ze, {name: 'bad'}), r('div', {
        children: [
          r('strong', {children: Hu(e, n)}), e.detail ? r('p', {children: r('bdi', {children: e.detail})}) : null,
          t ? r('button', {type: 'button', onClick: t, children: a('try_again')}) : null
        ]
      })
    ]
  })
}
function ce({title: e, children: t, command: n}) {
  return r('div', {
    class: 'empty',
    children: [
      r('p', {class: 'empty-title', children: e}), t ? r('p', {children: t}) : null,
      n ? r(M, {children: [r('p', {class: 'faint', children: a('empty_run')}), r(tt, {children: n})]}) : null
    ]
  })
}
function ne({title: e, children: t, aside: n, id: o, wide: i = !1}) {
  return r('section', {
    class: 'panel' + (i ? ' wide' : ''),
    id: o,
    children: [e || n ? r('header', {children: [r('h2', {children: e}), r('div', {class: 'aside', children: n})]}) : null, t]
  })
}
function ae({children: e, aside: t}) {
  return r('div', {class: 'title', children: [r('h1', {children: e}), r('div', {class: 'aside', children: t})]})
}
function Dt({rows: e}) {
  return r('dl', {class: 'facts', children: e.map(([t, n]) => r('div', {children: [r('dt', {children: t}), r('dd', {children: n})]}, t))})
}
var ul = 0, Wu = () => ul > 0;
function Ge({title: e, children: t, close: n}) {
  let o = Me(null), i = Me(!1);
  return Ao(() => {
           let l = document.activeElement, s = o.current;
           return ul += 1, i.current = !1, s?.showModal(), () => {
             ul -= 1, i.current = !0, s?.close(), l?.focus?.()
           }
         }, []), r('dialog', {
           ref: o,
           'aria-label': e,
           onCancel: l => {l.preventDefault(), n()},
           onClose: () => {setTimeout(() => {!i.current && o.current && !o.current.open && o.current.showModal()})},
           onClick: l => {l.target === o.current && n()},
           children: r('div', {
             class: 'dialog',
             children: [
               r('header', {
                 children: [
                   r('h2', {children: e}),
                   r('button', {type: 'button', class: 'plain', 'aria-label': a('close'), onClick: n, children: r(ze, {name: 'close'})})
                 ]
               }),
               t
             ]
           })
         })
}
function Bu() {
  let [e, t] = I(!1), n = Me(!1);
  return [
    e,
    async i => {
      if (!n.current) {
        n.current = !0, t(!0);
        try {
          await i()
        } finally {
          n.current = !1, t(!1)
        }
      }
    }
  ]
}
function ht({children: e, label: t, send: n, close: o, stays: i = !1, disabled: l = !1, classes: s}) {
  let [d, c] = Bu(), [m, p] = I(null), [b, y] = I(''), _ = Me(!0);
  return Fe(() => () => {_.current = !1}, []), r('form', {
           class: s,
           'aria-busy': d,
           onSubmit: v => {
             v.preventDefault(),
             !l && c(async () => {
               p(null), y('');
               try {
                 let x = await n();
                 x ? y(x) : x !== !1 && o && !i && _.current && o()
               } catch (x) {
                 let P = x instanceof He ? x : new He(-1, '', String(x));
                 _.current ? p(P) : Re(ir(P), !0)
               }
             })
           },
           children: [
             e, b ? r('p', {class: 'bad-text', role: 'alert', children: b}) : null, m ? r(te, {problem: m, done: !0}) : null,
             o ? r('footer', {
               children: [
                 r('button', {type: 'submit', class: 'main', disabled: l || d, children: t}),
                 r('button', {type: 'button', onClick: o, children: a('cancel_dialog')})
               ]
             }) :
                 r('button', {type: 'submit', class: 'main', disabled: l || d, children: t})
           ]
         })
}
function ao(e, t) {
  let [n] = I(() => sl(e)), [o, i] = I(n);
  return {
    texts: o, set: s => d => i({...o, [s]: d.currentTarget.value}), save: async () => {
      let {body: s, meanwhile: d} = Ru(n, o, sl(e));
      if (Object.keys(s).length === 0) return a('change_nothing');
      if (d) return a('error_412');
      await se('PATCH', t, {body: s}), Re(a('changed'))
    }
  }
}
function Ie({children: e, act: t, tone: n, small: o = !1, disabled: i = !1}) {
  let [l, s] = Bu();
  return r('button', {
    type: 'button',
    class: [n ?? '', o ? 'small' : ''].join(' ').trim(),
    disabled: l || i,
    'aria-busy': l,
    onClick: d => {
      d.stopPropagation(),
      s(async () => {
        try {
          let c = await t();
          typeof c == 'string' && Re(c)
        } catch (c) {
          Re(ir(c), !0)
        }
      })
    },
    children: e
  })
}
function ir(e) { return e instanceof He ? `${a('error_title')}: ${e.status === 0 || !e.detail ? Hu(e, !0) : eo(e.detail)}` : String(e) }
function be({label: e, children: t, hint: n, fault: o}) {
  return r('label', {
    class: 'field',
    children:
        [r('span', {children: e}), t, n ? r('small', {children: n}) : null, o ? r('small', {class: 'bad-text', role: 'alert', children: o}) : null]
  })
}
function Oa({value: e, of: t, label: n}) {
  let o = t > 0 ? Math.min(1, e / t) : 0;
  return r('meter', {class: o > .9 ? 'full' : '', min: 0, max: 1, value: o, 'aria-label': n, title: n})
}
var zu = matchMedia('(prefers-color-scheme: dark)'), Xf = () => {
  let e = ar('localStorage', 'notifyd.theme');
  return e === 'dark' || e === 'light' ? e : null
}, Uu = () => Xf() ?? (zu.matches ? 'dark' : 'light'), Un = new ot(Uu()), ju = () => document.documentElement.dataset.theme = Un.get();
ju();
Un.watch(ju);
zu.addEventListener('change', () => Un.set(Uu()));
function Fa() {
  let e = Un.get() === 'dark' ? 'light' : 'dark';
  _n('localStorage', 'notifyd.theme', e), Un.set(e)
}
var $o = new ot(!1),
    Ro =
        [
          ['o', 'overview'], ['d', 'destinations'], ['l', 'lanes'], ['n', 'notifies'], ['f', 'fkeys'], ['g', 'groups'], ['t', 'topics'],
          ['s', 'schedules'], ['c', 'callers'], ['a', 'alerts']
        ],
    Vu = {
      notify: 'notifies',
      destination: 'destinations',
      service: 'destinations',
      lane: 'lanes',
      group: 'groups',
      event: 'topics',
      topic: 'topics',
      subscription: 'topics',
      schedule: 'schedules',
      token: 'tokens',
      submit: 'notifies'
    },
    $a = e => Object.hasOwn(Vu, e) ? Vu[e] : void 0, dl = 0;
function ml(e) {
  let t = e.target, n = t.matches('input,textarea,select,[contenteditable]');
  if (e.ctrlKey || e.metaKey || e.altKey || Wu()) return;
  if (e.key === 'Escape') {
    if (n) t.blur();
    else {
      let i = $a(An.get().page);
      i && (history.length > 1 ? history.back() : Vt(L(i)))
    }
    return
  }
  if (n) return;
  let o = Date.now() - dl < 1500 ? Ro.find(([i]) => i === e.key) : void 0;
  if (dl = 0, o) e.preventDefault(), Vt(L(o[1]));
  else if (e.key === 'g') dl = Date.now();
  else if (e.key === '/') e.preventDefault(), document.querySelector('#search')?.focus();
  else if (e.key === '?') $o.set(!0);
  else if (e.key === 'T') Fa();
  else if (['j', 'k'].includes(e.key) && !t.closest('[data-list],summary,button,a,pre,dialog')) {
    let i = document.querySelector('main [data-list]');
    if (!i) return;
    e.preventDefault(), i.dispatchEvent(new KeyboardEvent('keydown', {key: e.key, bubbles: !1}))
  }
}
var ep = 1e3;
function me(e, t, n = 0) {
  let [o, i] = I({key: e, data: null, error: null, at: 0}), [l, s] = I(0), d = _e(zn), c = Me(t);
  c.current = t, Fe(() => {
    if (!d) return;
    let p = new AbortController, b = 0, y = 0, _ = async () => {
      try {
        let x = await c.current(p.signal);
        y = 0, p.signal.aborted || i({key: e, data: x, error: null, at: Date.now()})
      } catch (x) {
        if (p.signal.aborted) return;
        y += 1;
        let P = x instanceof He ? x : new He(-1, '', String(x));
        i($ => ({key: e, data: $.key === e && P.status === 0 ? $.data : null, error: P, at: $.at}))
      }
      if (p.signal.aborted) return;
      let v = n > 0 ? Math.max(n, ep) : y > 0 ? 3e3 : 0;
      v > 0 && (b = window.setTimeout(_, y > 0 ? Math.min(1e4, Math.max(v, 1e3 * 2 ** Math.min(y, 4))) : v))
    };
    return _(), () => {
      p.abort(), clearTimeout(b)
    }
  }, [e, n, l, d]);
  let m = Do(() => s(p => p + 1), []);
  return o.key === e ? {data: o.data, error: o.error, at: o.at, again: m} : {data: null, error: null, at: 0, again: m}
}
var Gt = new ot(null), $n = new ot(null), jn = new ot(!1), pl = new ot(null), Yu = new ot(null), gl = new ot(!1);
function Ju() {
  let e = _e(Gt)?.alerts === null && Xr(),
      {error: t} = me(e ? '/v1/alerts' : '', async o => Yu.set(e ? await he('/v1/alerts', o) : null), e ? 1e4 : 0), n = e && t !== null;
  return Fe(() => gl.set(n), [n]), null
}
function Uo(e) {
  let t = _e(Yu);
  return e?.alerts ?? t
}
var Qu = {streams: 0, polls: 0}, tp = 1e4, Ra = 3e3, Gu = 5e3, np = 2e4, rp = 1e4, op = 6e4,
    Bo = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`, Ho = null, qu = '', Fn = null, zo = 0, Wo = 0, Zu = Date.now(),
    Ia = null, lr = [];
function ap() {
  let e = 5381;
  for (let t of kr() ?? '') e = (e * 33 ^ t.charCodeAt(0)) >>> 0;
  return `notifyd ${Aa('')} ${Lt()} ${e.toString(36)}`
}
function _l(e) { Ho?.postMessage(e) }
function hl(e) { Wo = Date.now(), Ia = new Date(e.at).getTime() - Wo, Gt.set(e), $n.set(null), sn.set(null), Ha() }
function Ha() {
  let e = Date.now();
  jn.set(Gt.get() !== null && $n.get() === null && sn.get() === null && e - Wo <= Gu);
  let t = We.get().state === 'open' && zn.get() && Gt.get() !== null;
  pl.set(t && ($n.get() !== null || e - Math.max(Wo, Zu) > Gu) ? Wo : null)
}
var Xu = e => new Date(e.started_at).getTime() + e.uptime_ms;
async function Wa() { return jn.get() && Ia !== null ? Date.now() + Ia : Xu((await se('GET', re('/v1/stats'))).body) }
function fl() { Fn && (Fn.abort(), Fn = null, _l({kind: 'bye', from: Bo})) }
function ip(e) {
  if (e.from !== Bo) {
    if (e.kind === 'bye') {
      zo = Date.now() - Ra + 100 + Math.random() * 400;
      return
    }
    zo = Date.now(), hl(e.live), Fn && e.from > Bo && (Fn.abort(), Fn = null)
  }
}
function lp(e) {
  let t = Date.now();
  for (lr.length > 0 && lr[0].stats.pid !== e.pid && (lr.length = 0), lr.push({at: t, stats: e}); lr.length > 6;) lr.shift();
  let n = lr[0], o = (t - n.at) / 1e3, i = l => o > 0 ? Math.max(0, (e.totals[l] - n.stats.totals[l]) / o) : 0;
  return { accepted: i('accepted'), attempts: i('attempts'), succeeded: i('succeeded'), failed: i('failed') }
}
async function sp(e) {
  Qu.polls += 1;
  let t = Date.now() + op;
  for (; !e.aborted && Date.now() < t;) {
    try {
      let n = await he(re('/v1/stats'), e), o = {
        at: Xu(n),
        polled: !0,
        stats: n,
        rates: lp(n),
        lag_ms: null,
        lateness_p99_ms: null,
        commit_p99_ms: null,
        failing_hosts: null,
        alerts: null
      };
      if (e.aborted) return;
      hl(o), _l({kind: 'figures', from: Bo, live: o})
    } catch (n) {
      if (e.aborted) return;
      if (n instanceof He && n.status > 0) return $n.set(n)
    }
    await new Promise(n => setTimeout(n, 1e3))
  }
}
function up(e) {
  let t = e.split(/\r?\n\r?\n/), n = t.pop() ?? '', o = [];
  for (let i of t) {
    let l = i.split(/\r?\n/).filter(s => s.startsWith('data:')).map(s => s.slice(5).replace(/^ /, ''));
    l.length > 0 && o.push(l.join(`
`))
  }
  return { events: o, rest: n }
}
function Ku(e) { !e.aborted && sn.get() === null && sn.set(Date.now()) }
async function cp(e) {
  Qu.streams += 1;
  let t = re('/v1/live');
  if (nl(t)) return !1;
  let n = al(rp, e), o;
  try {
    if (o = await fetch(Aa(t), {signal: n.signal, cache: 'no-store', credentials: 'omit', headers: rl({Accept: 'text/event-stream'})}),
        o.status === 401) {
      let s = await o.json().catch(() => ({}));
      return ol(new He(401, '', s.detail ?? '')), !0
    }
    if (!o.ok || !o.body) return o.body?.cancel().catch(() => {}), !1
  } catch {
    return Ku(e), !0
  } finally {
    n.rest()
  }
  let i = o.body.pipeThrough(new TextDecoderStream).getReader(), l = '';
  try {
    for (; !e.aborted;) {
      let s = await dp(i.read());
      if (s === null) {
        Ku(e);
        break
      }
      if (s.done) break;
      let {events: d, rest: c} = up(l + s.value);
      l = c;
      for (let m of d) {
        let p = JSON.parse(m);
        hl(p), _l({kind: 'figures', from: Bo, live: p})
      }
    }
  } catch {
  } finally {
    n.abort()
  }
  return !0
}
async function dp(e) {
  let t = 0, n = new Promise(o => t = window.setTimeout(() => o(null), np));
  try {
    return await Promise.race([e, n])
  } finally {
    clearTimeout(t)
  }
}
async function mp() {
  let e = new AbortController;
  Fn = e;
  try {
    !await cp(e.signal) && !e.signal.aborted && await sp(e.signal)
  } finally {
    Fn === e && (Fn = null, zo = Date.now() - Ra + ($n.get() === null ? 1e3 : tp))
  }
}
function Io() {
  if (!(We.get().state === 'open') || !zn.get()) {
    Zu = Date.now(), fl(), Ha();
    return
  }
  let t = ap();
  t !== qu &&
      (fl(), Ho?.close(), lr.length = 0, Gt.set(null), $n.set(null), Ia = null, qu = t,
       Ho = 'BroadcastChannel' in window ? new BroadcastChannel(t) : null, Ho && (Ho.onmessage = n => ip(n.data)),
       zo = Date.now() - Ra + 150 + Math.random() * 250),
      !Fn && Date.now() - zo >= Ra && mp(), Ha()
}
function ec() { We.watch(Io), zn.watch(Io), An.watch(Io), sn.watch(Ha), window.addEventListener('pagehide', fl), window.setInterval(Io, 200), Io() }
function tc({session: e}) {
  let [t, n] = I(''), [o, i] = I(!1), [l, s] = I(!1), d = async () => {
    i(!0), s(!1);
    try {
      await Tu(t)
    } catch (m) {
      s(m instanceof He && m.status === 0)
    } finally {
      i(!1)
    }
  }, c = e.why !== 'asked' && e.why !== 'ended';
  return r('form', {
    class: 'login panel',
    onSubmit: m => {m.preventDefault(), d()},
    children: [
      r('h1', {children: a('login_title')}),
      r('p', {class: c ? 'bad-text' : '', role: c ? 'alert' : void 0, 'data-why': e.why, children: l ? a('login_none') : a(`login_${e.why}`)}),
      c && e.detail ? r('p', {class: 'faint', children: r('bdi', {children: e.detail})}) : null, r('label', {
        class: 'field',
        children: [
          r('span', {children: a('login_token')}),
          r('input',
            {type: 'password', name: 'token', autocomplete: 'off', spellcheck: !1, autoFocus: !0, value: t, onInput: m => n(m.currentTarget.value)}),
          r('small', {children: a('login_keep')})
        ]
      }),
      r('button', {type: 'submit', class: 'main', disabled: o || t.trim() === '', children: a('login_go')}), r('details', {
        children: [
          r('summary', {children: a('login_make')}),
          r(tt, {children: 'notifyctl token create --namespaces default --scopes read,read_bodies,operate'})
        ]
      })
    ]
  })
}
var nc = 12;
function fp() {
  let e = '(max-width: 720px)', [t, n] = I(matchMedia(e).matches);
  return Fe(() => {
           let o = matchMedia(e), i = () => n(o.matches);
           return o.addEventListener('change', i), () => o.removeEventListener('change', i)
         }, []), t
}
function ye({label: e, pages: t, columns: n, keyOf: o, to: i, empty: l, tall: s = 36, rows: d = t?.rows ?? []}) {
  let c = t?.more, m = fp(), p = m ? 66 : s, b = Me(null), [y, _] = I({top: 0, height: 600}), [v, x] = I(null), P = n.map(C => C.width).join(' ');
  Ao(() => {
    let C = b.current;
    if (!C) return;
    let A = () => _({top: C.scrollTop, height: C.clientHeight});
    A(), C.addEventListener('scroll', A, {passive: !0});
    let G = new ResizeObserver(A);
    return G.observe(C), () => {
      C.removeEventListener('scroll', A), G.disconnect()
    }
  }, [d.length === 0]);
  let $ = Math.max(0, Math.floor(y.top / p) - nc), S = Math.min(d.length, Math.ceil((y.top + y.height) / p) + nc);
  Fe(() => {c && d.length > 0 && S >= d.length && c()}, [S, d.length, c]), Ao(() => {
    for (let C of b.current?.querySelectorAll('[data-row]') ?? [])
      for (let A of C.querySelectorAll('a,button,input,select')) A.tabIndex = C.tabIndex
  });
  let D = C => {
    let A = b.current;
    if (!A) return;
    let G = document.activeElement?.closest('[data-row]'), q = G && A.contains(G) ? Number(G.dataset.row) : d.findIndex(B => o(B) === v),
        X = Math.max(0, Math.min(d.length - 1, q + C));
    x(o(d[X])), X * p<A.scrollTop && (A.scrollTop = X * p), (X + 2) * p>A.scrollTop + A.clientHeight && (A.scrollTop = (X + 2) * p - A.clientHeight),
        requestAnimationFrame(() => A.querySelector('[data-row][tabindex="0"]')?.focus())
  };
  if (d.length === 0)
    return t?.error              ? null :
        t?.loading || t?.looking ? r('p', {class: 'faint', children: a('loading')}) :
        c                        ? r('p', {children: [a('none_so_far'), ' ', r('button', {type: 'button', onClick: c, children: a('look_on')})]}) :
                                   r(M, {children: l});
  let T = d.slice($, S);
  return r('div', {
    class: 'list' + (m ? ' narrow' : ''),
    children: [
      r('div', {
        class: 'rows',
        ref: b,
        role: 'table',
        'aria-label': e,
        'aria-rowcount': c || t?.whole === !1 ? -1 : d.length + 1,
        tabIndex: T.some(C => o(C) === v) ? -1 : 0,
        'data-list': !0,
        onKeyDown: C => {
          let A = {j: 1, ArrowDown: 1, k: -1, ArrowUp: -1, PageDown: 10, PageUp: -10}[C.key];
          A === void 0 || C.ctrlKey || C.metaKey || C.altKey || (C.preventDefault(), C.stopPropagation(), D(A))
        },
        children: [
          r('div', {
            class: 'head',
            role: 'row',
            style: {gridTemplateColumns: P},
            children: n.map(C => r('div', {role: 'columnheader', class: C.right ? 'right' : '', children: C.name}, C.name))
          }),
          r('div', {
            role: 'rowgroup',
            class: 'body',
            style: {height: `${d.length * p}px`},
            children: T.map((C, A) => {
              let G = $ + A, q = o(C), X = i?.(C);
              return r(
                  'div', {
                    class: 'row' + (X ? ' leads' : ''),
                    role: 'row',
                    'data-row': G,
                    'aria-rowindex': G + 2,
                    tabIndex: q === v ? 0 : -1,
                    style: {gridTemplateColumns: m ? void 0 : P, height: `${p}px`, top: `${G * p}px`},
                    onFocusIn: () => x(q),
                    onClick: B => {!X || B.target.closest('a,button,input') || String(getSelection()) !== '' || Vt(X)},
                    onKeyDown: B => {B.key === 'Enter' && X && B.target === B.currentTarget && Vt(X)},
                    children: n.map(B => {
                      let F = B.cell(C);
                      return r(
                          'div', {
                            role: 'cell',
                            class: [B.right ? 'right' : '', B.main ? 'main' : '', B.hide ? 'hide' : ''].join(' ').trim(),
                            children:
                                [m && B.right && !B.hide && typeof F != 'object' ? r('span', {class: 'faint', children: [B.name, ' ']}) : null, F]
                          },
                          B.name)
                    })
                  },
                  q)
            })
          })
        ]
      }),
      r('p', {class: 'faint count', children: c || t?.whole === !1 ? a('some_shown', {n: H(d.length)}) : a('all_shown', {n: H(d.length)})})
    ]
  })
}
var bl = (e, t) => new Set(e.flatMap(n => n.rows.map(t)));
function rc(e, t, n) {
  let o = new Set;
  return [e, ...t.map(i => i.rows)].flat().filter(i => !o.has(n(i)) && o.add(n(i)))
}
function Ba(e, t, n, o) {
  let i = e;
  for (let l = 0; l < n.length && t !== null; ++l) {
    let s = bl(n.slice(l), o);
    if (t !== n[l].from && !i.some(d => s.has(o(d)))) return {at: l, from: t};
    ({rows: i, next: t} = n[l])
  }
  return null
}
function oc(e, t, n, o) {
  let i = e.slice(0, t), l = e.slice(t);
  if (n.next === null) return [...i, n];
  let s = bl(l, o), d = n.rows.findIndex(p => s.has(o(p))), c = d < 0 ? n : {...n, rows: n.rows.slice(0, d), next: l[0].from}, m = i[i.length - 1];
  return d >= 0 && c.rows.length + l[0].rows.length <= 200 ? [...i, {...l[0], from: c.from, rows: [...c.rows, ...l[0].rows]}, ...l.slice(1)] :
      m && c.rows.length === 0                             ? [...i.slice(0, -1), {...m, next: c.next}, ...l] :
                                                             [...i, c, ...l]
}
function ac(e, t, n, o) {
  let i = e[t], l = e.slice(t + 1);
  if (n.next === null) return [...e.slice(0, t), n];
  let s = bl(l, o), d = n.rows.findIndex(b => s.has(o(b)));
  if (d >= 0) return [...e.slice(0, t), {...n, rows: n.rows.slice(0, d), next: l[0].from}, ...l];
  let c = n.rows[n.rows.length - 1], m = c === void 0 ? -1 : i.rows.findIndex(b => o(b) === o(c)), p = m < 0 ? [] : i.rows.slice(m + 1);
  return [...e.slice(0, t), n, ...p.length > 0 ? [{from: n.next, rows: p, next: i.next}] : [], ...l]
}
var pp = 40, gp = 3, _p = 2e4;
function hp(e) {
  let t = [...e].reverse().findIndex(n => n.rows.length > 0);
  return t < 0 ? e.length : t
}
var bp = e => e.reduce((t, n) => t + n.rows.length, 0);
function yp(e, t) {
  let n = 0, o = e.findIndex(i => (n += i.rows.length) > t);
  return o <= 0 ? e : e.slice(0, o)
}
function nt(e, t, n = 0) {
  let o = me(e, C => he(e, C), n), [i, l] = I({path: e, parts: []}), [s, d] = I(null), c = Me(''), m = Me({path: '', parts: [], turn: 0, mends: !1});
  m.current.path !== e && (m.current = {path: e, parts: [], turn: 0, mends: !1});
  let p = i.path === e ? i.parts : [], b = o.data?.items ?? [], y = o.data?.next ?? null,
      _ = p.length > 0 && (y !== null || !o.data) ? p[p.length - 1].next : y, v = async C => {
        let {items: A, next: G} = await he(`${e}${e.includes('?') ? '&' : '?'}cursor=${encodeURIComponent(C)}`);
        return { from: C, rows: A, next: G }
      }, x = (C, A) => {
        m.current === C && (m.current.parts = A, l({path: e, parts: m.current.parts}))
      }, P = Do(() => {
           if (_ === null || c.current === e + _) return;
           c.current = e + _;
           let C = m.current;
           v(_).then(A => {c.current = '', x(C, [...C.parts, A])}).catch(A => {c.current = '', d(A)})
         }, [e, _]);
  Fe(() => {
    let C = m.current;
    if (!o.data || C.parts.length === 0 || C.mends) return;
    if (y === null) return x(C, []);
    let A = Math.max(_p, bp(C.parts)), G = async () => {
      for (let F = 0; F < gp; ++F) {
        let Y = b.length > 0 ? Ba(b, y, C.parts, t) : null;
        if (!Y) break;
        let W = await v(Y.from);
        Ba(b, y, C.parts, t)?.from === Y.from && x(C, yp(oc(C.parts, Y.at, W, t), A))
      }
      if (C.parts.length === 0) return;
      let q = C.turn++ % C.parts.length, {from: X} = C.parts[q], B = await v(X);
      C.parts[q]?.from === X && x(C, ac(C.parts, q, B, t))
    };
    C.mends = !0, G().catch(() => {}).finally(() => C.mends = !1)
  }, [o.data]);
  let $ = rc(b, p, t), S = $.length === 0 && _ !== null && hp(p) < pp;
  Fe(() => {S && P()}, [S, P]);
  let D = Do(() => {c.current = '', m.current = {path: e, parts: [], turn: 0, mends: !1}, l({path: e, parts: []}), d(null), o.again()}, [o.again]),
      T = o.data !== null && Ba(b, y, p, t) === null;
  return {
    rows: $, more: _ === null ? null : P, whole: T, error: o.error ?? s, missing: o.data?.missing, loading: o.data === null && o.error === null,
        looking: S, again: D
  }
}
function jo({names: e}) {
  return !e || e.length === 0 ?
      null :
      r('div', {class: 'banner warn', role: 'alert', children: [r(ze, {name: 'warn'}), a('members_missing', {names: e.join(', ')})]})
}
function wp({member: e}) {
  return r(M, {
    children: [
      e.alive ? e.draining ? r(ee, {tone: 'warn', icon: 'half', children: a(e.namespaces === 0 ? 'member_drained' : 'member_draining')}) :
              e.cut_off    ? r(ee, {tone: 'bad', children: a('member_cut_off')}) :
                             r(ee, {tone: 'good', children: a('member_alive')}) :
                r(ee, {tone: 'bad', children: a('member_gone')}),
      e.leading ? r(ee, {tone: 'plain', children: a('member_leads')}) : null
    ]
  })
}
function vp({member: e, others: t, close: n, done: o}) {
  return r(Ge, {
    title: a('drain_title', {name: e.name}),
    close: n,
    children: [
      r('p', {children: a('drain_text', {n: H(e.namespaces)})}), e.leading ? r('p', {children: a('drain_leader')}) : null,
      t === 0 ? r('p', {children: a('drain_alone')}) : null, r('footer', {
        children: [
          r('button', {
            type: 'button',
            class: 'danger',
            onClick: () => {
              n(),
              se('POST', `/v1/cluster/members/${encodeURIComponent(e.name)}/drain`)
                  .then(() => {Re(a('drain_begun', {name: e.name})), o()}, i => Re(ir(i), !0))
            },
            children: a('drain')
          }),
          r('button', {type: 'button', onClick: n, children: a('cancel_dialog')})
        ]
      })
    ]
  })
}
function kp({report: e, again: t}) {
  let [n, o] = I(null), i = e.members.filter(c => c.alive && !c.draining),
          l = c => async () => (await se('DELETE', `/v1/cluster/members/${encodeURIComponent(c.name)}/drain`), t(), a('drain_ended', {name: c.name})),
          s = e.members.find(c => c.name === n), d = [...new Set(e.members.filter(c => c.alive).map(c => c.version ?? '–'))];
  return r(ne, {
    title: a('members_title'),
    id: 'members',
    wide: !0,
    children: [
      d.length > 1 ? r('p', {class: 'faint', children: a('members_mixed', {versions: d.join(', ')})}) : null, r(ye, {
        label: a('members_title'),
        rows: e.members,
        keyOf: c => c.name,
        empty: r(ce, {title: a('members_none')}),
        columns: [
          {
            name: a('name'),
            width: 'minmax(8rem, 1fr)',
            main: !0,
            cell: c => r(M, {children: [r(O, {children: c.name}), c.self ? r('span', {class: 'faint', children: [' · ', a('member_asked')]}) : null]})
          },
          {name: a('col_state'), width: '12rem', main: !0, cell: c => r(wp, {member: c})},
          {name: a('nav_namespaces'), width: '8rem', right: !0, cell: c => H(c.namespaces)},
          {name: a('member_seen'), width: '7rem', right: !0, hide: !0, cell: c => ve(c.heartbeat_age_ms)},
          {name: a('member_address'), width: 'minmax(9rem, 1fr)', hide: !0, cell: c => r('code', {children: c.address})},
          {name: a('member_version'), width: '6rem', hide: !0, cell: c => c.version ?? '–'},
          ...e.members.some(c => (c.unreached_by ?? []).length > 0) ? [{
            name: a('member_unreached'),
            width: 'minmax(8rem, 1fr)',
            hide: !0,
            cell: c => (c.unreached_by ?? []).map(m => r(O, {children: m}, m))
          }] :
                                                                      [],
          ...Fo() ? [{
            name: a('actions'),
            width: '9rem',
            cell: c => c.alive ? c.draining ? r(Ie, {small: !0, act: l(c), children: a('drain_end')}) :
                                              r('button', {type: 'button', class: 'small', onClick: () => o(c.name), children: a('drain_how')}) :
                                 null
          }] :
                    []
        ]
      }),
      s ? r(vp, {member: s, others: i.filter(c => c.name !== s.name).length, close: () => o(null), done: t}) : null
    ]
  })
}
function xp({report: e}) {
  return r(ne, {
    title: a('served_title'),
    id: 'served',
    wide: !0,
    children: r(ye, {
      label: a('served_title'),
      rows: e.namespaces,
      keyOf: t => t.name,
      to: t => L('overview', [], {ns: t.name}),
      empty: r(ce, {title: a('served_none')}),
      columns: [
        {
          name: a('namespace'),
          width: 'minmax(8rem, 1fr)',
          main: !0,
          cell: t => r('a', {href: L('overview', [], {ns: t.name}), children: r(O, {children: t.name})})
        },
        {
          name: a('served_by'),
          width: 'minmax(8rem, 1fr)',
          main: !0,
          cell: t => t.owner === null ? r(ee, {tone: 'warn', children: a('served_by_nobody')}) : r(O, {children: t.owner})
        },
        {
          name: a('served_goes'),
          width: 'minmax(7rem, 1fr)',
          hide: !0,
          cell: t => t.placed !== null && t.placed !== t.owner ? r(O, {children: t.placed}) : ''
        },
        ...e.namespaces.some(t => t.cell !== void 0) ?
            [{name: a('served_cell'), width: 'minmax(6rem, 1fr)', hide: !0, cell: t => t.cell ? r(O, {children: t.cell}) : '–'}] :
            [],
        {name: a('served_epoch'), width: '6rem', right: !0, hide: !0, cell: t => H(t.epoch)},
        {name: a('served_load'), width: '8rem', right: !0, cell: t => H(t.load)}
      ]
    })
  })
}
function Sp({report: e}) {
  return r(ne, {
    title: a('moves_title'),
    id: 'moves',
    wide: !0,
    children: e.moves === null ? r('p', {class: 'faint', children: a('moves_unknown')}) : r(ye, {
      label: a('moves_title'),
      rows: e.moves,
      keyOf: t => `${t.at} ${t.namespace} ${t.to}`,
      empty: r(ce, {title: a('moves_none')}),
      columns: [
        {name: a('col_when'), width: '10rem', main: !0, cell: t => r(Se, {at: t.at})}, {
          name: a('namespace'),
          width: 'minmax(8rem, 1fr)',
          main: !0,
          cell: t => t.namespace === null ? r('span', {class: 'faint', children: a('move_removed')}) : r(O, {children: t.namespace})
        },
        {
          name: a('move_from'),
          width: 'minmax(7rem, 1fr)',
          cell: t => t.from === null ? r('span', {class: 'faint', children: a('move_from_nobody')}) : r(O, {children: t.from})
        },
        {name: a('move_to'), width: 'minmax(7rem, 1fr)', cell: t => r(O, {children: t.to})}
      ]
    })
  })
}
function ic() {
  let e = me('/v1/cluster', o => he('/v1/cluster', o), 2e3), t = e.data, n = e.error?.status === 501;
  return r(M, {
    children: [
      r(ae, {children: a('nav_cluster')}),
      n           ? r(ce, {title: a('cluster_alone'), children: a('cluster_alone_text')}) :
          e.error ? r(te, {problem: e.error, again: e.again}) :
                    null,
      t           ? r(M, {
                  children: [
          r(jo, {names: t.missing}), r('div', {class: 'grid', children: [r(kp, {report: t, again: e.again}), r(xp, {report: t}), r(Sp, {report: t})]})
        ]
      }) :
          e.error ? null :
                    r('p', {class: 'faint', children: a('loading')})
    ]
  })
}
function lc(e, t) {
  if (!gt(e.state)) return {now: !0, thoughPaused: !1};
  if (e.state === 'sending' || t.includes('group_turn')) return {now: !1, thoughPaused: !1};
  let n = t.includes('lane_paused') || t.includes('subscription_paused');
  return { now: e.state !== 'ready' || !n && t.includes('breaker_open'), thoughPaused: n }
}
var Vo = 'ready,sending,retrying',
    sc = (e, t) => e < t ? -1 :
    e > t                ? 1 :
                           0,
    uc = (e, t) => (t.priority ?? 0) - (e.priority ?? 0) || sc(e.due_at ?? '', t.due_at ?? '') || sc(e.id, t.id);
function Tp(e) {
  let t = e.filter(n => n.state === 'ready').sort(uc);
  return t.slice(1).some(n => n.mode === 'fifo' && n.attempts_made > 0) ? null : t
}
function cc(e, t) {
  let n = Tp(t), o = t.find(i => i.id === e);
  if (!(!n || !o)) return n[n.indexOf(o) + 1] ?? null
}
function dc(e, t) {
  let n = e.mode === 'fifo', o = t.filter(l => l.due_at === e.oldest_due_at && (n || l.state === 'ready')).sort(uc),
      i = o.find(l => l.state === 'sending');
  return i || o.length < 2 ? i ?? o[0] : n && o.some(l => l.attempts_made > 0) ? void 0 : o[0]
}
var Vn = e => new Date(e).getTime();
function Cp(e, t) {
  let n = [], o = [...e.attempts ?? []].sort((m, p) => m.number - p.number), i = Vn(e.created_at), l = (m, p, b = !1) => {
    (p > i || b) && n.push({kind: m, from: i, to: Math.max(i, p), open: b}), i = Math.max(i, p)
  }, s = e.due_at ? Vn(e.due_at) : null, d = o[0] ? Vn(o[0].started_at) : null, c = d ?? (e.settled_at ? Vn(e.settled_at) : t);
  e.state === 'held' ? l('held', t, !0) :
                       s !== null && s > i && (d === null || s <= d) && l(e.fkey ? 'held' : 'delay', Math.min(s, c), e.state === 'scheduled');
  for (let m of o) {
    let p = Vn(m.started_at);
    l(n.some(b => b.kind === 'attempt') ? 'again' : 'turn', p), n.push({kind: 'attempt', from: p, to: p + m.duration_ms, attempt: m}),
        i = Math.max(i, p + m.duration_ms)
  }
  return e.state === 'sending' ? n.push({kind: 'now', from: i, to: Math.max(i, t), open: !0}) :
             gt(e.state) && e.state !== 'held' && e.state !== 'scheduled' ?
                                 l(o.length > 0 ? 'again' : 'turn', t, !0) :
                                 e.settled_at && (e.state === 'cancelled' || e.state === 'expired') && l('gone', Vn(e.settled_at)),
         n
}
function Pp(e, t) {
  if (e.length === 0) return [];
  let n = e.map(l => t ? l.to - l.from : 1 + Math.log1p(l.to - l.from)), o = n.reduce((l, s) => l + s, 0) || 1, i = 0;
  return n.map(l => {
    let s = {left: i, width: l / o};
    return i += s.width, s
  })
}
var Np = e => e.error !== void 0 && e.error !== '';
function Mp({attempt: e, shown: t}) {
  return r('div', {
    class: 'attempt-detail',
    children: [
      e.instance ? r('p', {class: 'faint', children: [a('attempt_instance'), ' ', r(O, {children: e.instance})]}) : null,
      e.response_body ?
          r('details',
            {open: t, children: [r('summary', {children: a('attempt_answer')}), r(tt, {label: a('attempt_answer'), children: e.response_body})]}) :
          null
    ]
  })
}
function mc({notify: e, now: t}) {
  let [n, o] = I(!1), i = Cp(e, t), l = Pp(i, n), s = e.attempts_made - (e.attempts?.length ?? 0), d = i.length > 0 ? i[i.length - 1].to : t;
  return r('div', {
    class: 'waterfall',
    children: [
      r('div', {
        class: 'scale',
        children: [
          r(Se, {at: e.created_at, ms: !0}),
          r('button', {type: 'button', class: 'small', 'aria-pressed': n, onClick: () => o(!n), children: a('to_scale')}),
          r('span', {children: [gt(e.state) ? a('now') : r(Se, {at: e.settled_at, ms: !0}), ' · ', a('in_all', {d: ve(d - Vn(e.created_at))})]})
        ]
      }),
      r('ol', {
        children: [
          i.map((c, m) => {
            let p = c.attempt, b = p !== void 0 && Np(p),
                y = p            ? a('attempt_n', {n: p.number}) :
                c.kind === 'now' ? a('attempt_now', {n: e.attempts_made + 1}) :
                                   a(`wait_${c.kind}`),
                _ = p !== void 0 && !i.slice(m + 1).some(v => v.attempt);
            return r(
                'li', {
                  class: `step k-${c.kind}${b ? ' bad' : ''}${c.open ? ' open' : ''}`,
                  children: [
                    r('div', {
                      class: 'step-name',
                      children: [
                        p ? r(ze, {name: b ? 'failed' : 'succeeded'}) :
                            r(ze,
                              {name: c.kind === 'now' ? 'sending' :
                                   c.kind === 'again' ? 'retrying' :
                                   c.kind === 'held'  ? 'held' :
                                                        'scheduled'}),
                        r('span', {children: y}), p && p.status > 0 ? r('span', {class: 'step-what', children: p.status}) : null
                      ]
                    }),
                    r('div', {
                      class: 'track',
                      children: r('div', {class: 'bar', style: {left: `${l[m].left * 100}%`, width: `max(3px, ${l[m].width * 100}%)`}})
                    }),
                    r('div', {class: 'step-took', children: c.open && c.kind !== 'now' ? a('so_far', {d: ve(c.to - c.from)}) : ve(c.to - c.from)}),
                    p ? r('div', {
                      class: 'step-more',
                      children: [
                        r(Se, {at: p.started_at, ms: !0}), ' ', b ? r('code', {class: 'step-what', children: p.error}) : null, ' ',
                        p.detail ? r('bdi', {class: 'ink', children: p.detail}) : null, r(Mp, {attempt: p, shown: _ && b})
                      ]
                    }) :
                        null
                  ]
                },
                `${c.kind}${c.from}${p?.number ?? ''}`)
          }),
          gt(e.state) && e.next_attempt_at && Vn(e.next_attempt_at) > t ? r('li', {
            class: 'step next',
            children: [
              r('div', {class: 'step-name', children: [r(ze, {name: 'ready'}), r('span', {children: a('next_attempt')})]}), r('div', {
                class: 'step-took wide',
                children: [r(Se, {at: e.next_attempt_at, ms: !0}), ` · ${a('in_time', {d: ve(Vn(e.next_attempt_at) - t)})}`]
              })
            ]
          }) :
                                                                          null
        ]
      }),
      s > 0 && e.attempts ? r(ee, {tone: 'plain', children: a('attempts_missing', {n: s})}) : null
    ]
  })
}
function fc(e, t, n) {
  let o = e[t]?.[0];
  return o !== void 0 && !(Date.parse(o) > Date.parse(n)) ? e : {...e, [t]: [n]}
}
function pc(e, t) {
  let n = new Date(t).toISOString(), o = e.state ?? [], i = o.filter(gt), l = o.filter(d => !gt(d)), s = [];
  return i.length > 0 && !e.settled_after && !e.settled_before && s.push(fc({...e, state: i}, 'created_before', n)),
         (l.length > 0 || s.length === 0) && s.push(fc({...e, ...l.length > 0 ? {state: l} : {}}, 'settled_before', n)), s
}
var gc = e => e.some(({state: t = []}) => t.some(n => gt(n)) && !Mn.every(n => t.includes(n)));
var Ap = 500, Lp = e => e?.focus();
async function _c(e, t, n, o, i, l) {
  let s = 0, d = 0;
  for (let c of t) {
    let m = null;
    do {
      if (i() || d++ >= o) return !1;
      let p = {filter: Js(c), ...n ? {dry_run: !0} : {}, ...m ? {cursor: m} : {}}, b = await se('POST', re(`/v1/notifies/${e}`), {body: p});
      s += b.body.count, l(s), m = b.body.next
    } while (m !== null)
  }
  return !0
}
function Dp({part: e}) {
  return r(
      'ul', {
        class: 'chips',
        'aria-label': a('filters'),
        children: Object.entries(e).map(
            ([t, n]) =>
                r('li',
                  {
                    class: 'chip',
                    children: [
                      r('span', {class: 'faint', children: a(Jr(t))}), ' ', r(O, {
                        children: t === 'state'                           ? n.map(o => et('state', o)).join(', ') :
                            t.endsWith('_after') || t.endsWith('_before') ? _t(n[0]) :
                                                                            n.join(', ')
                      })
                    ]
                  },
                  t))
      })
}
function za({kind: e, filter: t, close: n}) {
  let [o, i] = I([]), [l, s] = I({at: 'counting', counted: 0, whole: !1, did: 0, problem: null}), [d, c] = I(!1), m = Me(!1), p = Me(!1),
          b = Me(null), y = Me(!1), _ = T => {
            b.current = null, p.current || s(C => ({...C, at: 'stopped', problem: T instanceof He ? T : new He(-1, '', String(T))}))
          };
  Fe(() =>
         (m.current = p.current = !1, (async () => {
                                        let C = pc(t, await Wa());
                                        if (m.current) return;
                                        i(C);
                                        let A = await _c(e, C, !0, Ap, () => m.current, G => s(q => ({...q, counted: G})));
                                        m.current || s(G => ({...G, at: 'counted', whole: A}))
                                      })().catch(_),
          () => {m.current = p.current = !0, b.current !== null && Re(a('bulk_stopped', {n: H(b.current)}), !0)}),
     []);
  let v = () => {
    y.current ||
        (y.current = !0, b.current = 0, s(T => ({...T, at: 'doing'})),
         _c(e, o, !1, 1 / 0, () => m.current, T => {b.current !== null && (b.current = T), s(C => ({...C, did: T}))})
             .then(T => {b.current = null, s(C => ({...C, at: T ? 'done' : 'stopped'}))})
             .catch(_))
  }, x = () => {
    l.at === 'doing' ? c(!0) : n()
  }, P = We.get(), $ = P.state === 'open' ? P.who.name : '', S = H(l.counted), D = l.at !== 'counting' && l.at !== 'counted' && y.current;
  return r(Ge, {
    title: a(`bulk_${e}`),
    close: x,
    children: [
      o.map((T, C) => r(Dp, {part: T}, C)), r('div', {
        class: 'bulk',
        'aria-live': 'polite',
        'data-phase': l.at,
        children: [
          l.at === 'counting' ? r('p', {children: a('bulk_counting', {n: S})}) : null,
          l.at === 'counted' ?
              r('p',
                {class: 'big',
                 children: l.counted === 0 ? a('bulk_nothing') :
                     l.whole               ? a('bulk_would', {n: S}) :
                                             a('bulk_would_more', {n: S})}) :
              null,
          l.at === 'counted' && l.counted > 0 ? r('p', {children: a(gc(o) ? 'bulk_and_more' : 'bulk_nothing_else')}) : null,
          l.at === 'doing' || l.at === 'done' ? r(M, {
            children: [
              r('progress', {max: Math.max(1, l.counted), value: l.did, 'aria-label': a(`bulk_${e}`)}),
              r('p', {class: 'big', children: a('bulk_did', {n: H(l.did), of: S})})
            ]
          }) :
                                                null,
          l.at === 'done' ? r('p', {children: [a('by_you', {name: $}), ' · ', r('a', {href: L('audit'), children: a('nav_audit')})]}) : null,
          d && l.at === 'doing' ? r('p', {class: 'bad-text', role: 'alert', children: a('bulk_runs')}) : null,
          l.at === 'stopped' && D ? r('p', {class: 'big', children: a('bulk_stopped', {n: H(l.did)})}) : null,
          l.problem ? r(te, {problem: l.problem, done: D}) : null, l.problem && D ? r('p', {children: a('bulk_last')}) : null
        ]
      }),
      r('details', {
        children: [
          r('summary', {children: a('as_command')}), r(tt, {
            children: o.map(T => Pa(e, T, Lt())).join(`
`)
          })
        ]
      }),
      r('footer', {
        children: [
          l.at === 'counted' && l.counted > 0 ? r('button', {
            type: 'button',
            class: e === 'retry' ? 'main' : 'danger',
            ref: e === 'retry' ? Lp : void 0,
            onClick: v,
            children: a(`bulk_${e}_go`, {n: S})
          }) :
                                                null,
          l.at === 'doing' ?
              r('button', {type: 'button', onClick: () => m.current = !0, children: a('bulk_stop')}) :
              r('button', {type: 'button', onClick: n, children: l.at === 'done' || l.at === 'stopped' ? a('close') : a('cancel_dialog')})
        ]
      })
    ]
  })
}
function bt({id: e}) { return r('span', {class: 'id', children: [r('a', {href: L('notify', [e]), children: e}), r(Je, {text: e})]}) }
var xr = (e = !1) => Ep().filter((t, n) => !e || [0, 1, 2, 6].includes(n)),
    Ep = () =>
        [{name: a('col_state'), width: '7.5rem', cell: e => r(On, {state: e.state}), main: !0},
         {name: a('col_id'), width: '12.5rem', cell: e => r(bt, {id: e.id}), main: !0}, {
           name: a('col_call'),
           width: 'minmax(7rem, 3fr)',
           cell: e => r('span', {class: 'call', children: [r('span', {class: 'method', children: e.method}), ' ', r(O, {children: e.url})]})
         },
         {
           name: a('col_lane'),
           width: 'minmax(6rem, 1fr)',
           hide: !0,
           cell: e => e.lane === e.url ? r('span', {class: 'faint', children: a('lane_is_url')}) : r(O, {children: e.lane})
         },
         {name: a('col_caller'), width: 'minmax(4rem, 0.6fr)', hide: !0, cell: e => r(O, {children: e.caller})}, {
           name: a('col_attempts'),
           width: '4.5rem',
           right: !0,
           hide: !0,
           cell: e => e.attempts_made > 0 ? `${e.attempts_made} / ${e.retry.max_attempts ?? '∞'}` : '–'
         },
         {
           name: a('col_when'),
           width: '8rem',
           right: !0,
           cell: e => r(Be, {at: e.settled_at ?? (e.state === 'scheduled' || e.state === 'retrying' ? e.next_attempt_at ?? e.due_at : e.created_at)})
         }];
function Op({filter: e}) {
  let t = _e(Gt), n = new Set(e.state ?? []), o = l => {
    let s = new Set(n);
    s.delete(l) || s.add(l), ut({state: rr.filter(d => s.has(d)).join(',') || null})
  }, i = l => t ? gt(l) ? t.stats.states[l] : t.stats.totals[l] : null;
  return r('div', {
    class: 'states',
    role: 'group',
    'aria-label': a('filter_state'),
    children: rr.map(
        l =>
            r('button', {
              type: 'button',
              class: 'state-toggle s-' + l,
              'aria-pressed': n.has(l),
              onClick: () => o(l),
              title: gt(l) ? void 0 : a('count_ever'),
              children: [r(ze, {name: l}), r('span', {children: et('state', l)}), r('span', {class: 'n', children: i(l) === null ? '' : Pt(i(l))})]
            },
              l))
  })
}
function Fp({filter: e}) {
  let [t, n] = I('host'), [o, i] = I(''), [l, s] = I(!1), d = Po.includes(t), c = () => {
    let m = o.trim();
    if (m !== '') {
      if (d) {
        let p = En(m);
        if (p === null) return s(!0);
        m = new Date(p).toISOString()
      }
      s(!1), i(''), ut({[t]: t === 'label' ? [...e.label ?? [], m] : [m]})
    }
  };
  return r('form', {
    class: 'add-filter',
    onSubmit: m => {m.preventDefault(), c()},
    children: [
      r('select', {
        'aria-label': a('filter_which'),
        value: t,
        onChange: m => n(m.currentTarget.value),
        children: Bn.filter(m => m !== 'state').map(m => r('option', {value: m, children: a(Jr(m))}, m))
      }),
      r('input',
        {'aria-label': a('filter_value'), 'aria-invalid': l, value: o, placeholder: d ? a('time_hint') : '', onInput: m => i(m.currentTarget.value)}),
      r('button', {type: 'submit', children: a('filter_add')}), l ? r('span', {class: 'bad-text', role: 'alert', children: a('time_bad')}) : null
    ]
  })
}
function $p({filter: e}) {
  let t = Object.entries(e).filter(([n]) => n !== 'state');
  return t.length===0?null:r('ul',{class:'chips','aria-label':a('filters'),children:t.flatMap(([n,o])=>o.map(i=>r('li',{class:'chip',children:[r('span',{class:'faint',children:a(Jr(n))}),' ',r(O,{children:Po.includes(n)?_t(i):i}),r('button',{type:'button',class:'plain','aria-label':a('filter_remove',{name:a(Jr(n))}),onClick:()=>ut({[n]:o.filter(l=>l!==i)}),children:r(ze,{name:'close'})})]},n+i)))})
}
function Rp(e) {
  let t = e.state ?? [];
  if (t.length === 0 || !pe('operate') || !Bt()) return [];
  let n = [];
  return t.every(o => !gt(o) || o === 'retrying' || o === 'scheduled') && n.push('retry'), t.every(gt) && n.push('cancel'),
         t.every(o => !gt(o)) && n.push('purge'), n
}
function hc() {
  let {query: e} = $e(), t = Ks(e), n = Ys(t), o = t.state?.length === 1 && t.state[0] === 'scheduled', i = o && e.get('order') === 'due',
              l = nt(re(`/v1/notifies?limit=100${n ? '&' + n : ''}${i ? '&order=due' : ''}`), c => c.id, 2e3), s = e.get('do'), d = Rp(t);
  return r(M, {
    children: [
      r(ae, {
        aside: r(M, {
          children: [
            d.map(c => r('button', {type: 'button', class: c === 'retry' ? 'main' : '', onClick: () => ut({do: c}), children: a(`bulk_${c}`)}, c)),
            pe('submit') ? r('a', {class: 'button', href: L('submit'), children: a('nav_submit')}) : null
          ]
        }),
        children: a('nav_notifies')
      }),
      r(
          'div', {
            class: 'with-states',
            children: [
              r(Op, {filter: t}), r('div', {
                class: 'found',
                children: [
                  r(Fp, {filter: t}), r($p, {filter: t}),
                  o ? r('label',
                        {
                          class: 'order',
                          children: [
                            r('span', {class: 'faint', children: a('order')}), ' ', r('select', {
                              value: i ? 'due' : 'newest',
                              onChange: c => ut({order: c.currentTarget.value === 'due' ? 'due' : null}),
                              children: [
                                r('option', {value: 'newest', children: a('order_newest')}), r('option', {value: 'due', children: a('order_due')})
                              ]
                            })
                          ]
                        }) :
                      null,
                  (t.state ?? []).length === 0 && pe('operate') ? r('p', {class: 'faint hint', children: a('bulk_hint')}) : null,
                  l.error ? r(te, {problem: l.error, again: l.again}) : null, r(ye, {
                    label: a('nav_notifies'),
                    pages: l,
                    columns: xr(),
                    keyOf: c => c.id,
                    to: c => L('notify', [c.id]),
                    empty: r(ce, {
                      title: n ? a('empty_filter') : a('empty_notifies'),
                      command: n ? Pa('list', t, Lt()) + (i ? ' --order due' : '') :
                                   `${at()} submit http://127.0.0.1:9100/orders --data '{"order":1}'`,
                      children: n ? a('empty_filter_hint') : null
                    })
                  })
                ]
              })
            ]
          }),
      s && d.includes(s) ? r(za, {
        kind: s,
        filter: t,
        close: () => {
          ut({do: null}), l.again()
        }
      },
                             s + n) :
                           null
    ]
  })
}
function yl({text: e}) { return r('bdi', {children: e.split(/(n[0-9a-f]{16})/).map((t, n) => n % 2 === 1 ? r(bt, {id: t}, n) : t)}) }
function Ip({code: e, notify: t}) {
  let n = () => L('lane', [t.mode, t.lane]), o = yc(t.url);
  return e.startsWith('lane_') || e === 'rate_limited' || e === 'blocked_by_head' || e === 'behind' ? r('a', {href: n(), children: a('to_lane')}) :
      (e.startsWith('host_') || e === 'breaker_open') && o ? r('a', {href: L('destination', [o]), children: a('to_host')}) :
      (e.startsWith('host_') || e === 'breaker_open' || e === 'no_instance') && t.service ?
                                                             r('a', {href: L('service', [t.service]), children: a('to_service')}) :
      e.startsWith('caller_') ? r('a', {href: L('callers', [], {caller: t.caller}), children: a('to_caller')}) :
      e === 'held' && t.fkey  ? r('a', {href: L('fkeys', [], {fkey: t.fkey}), children: a('to_fkey')}) :
      e === 'subscription_paused' && t.subscription ?
                               r('a', {href: L('topics', [], {subscription: t.subscription}), children: a('to_subscription')}) :
                               null
}
function yc(e) {
  try {
    let t = new URL(e);
    return t.protocol !== 'http:' && t.protocol !== 'https:' ? null : `${t.hostname}:${t.port || (t.protocol === 'https:' ? '443' : '80')}`
  } catch {
    return null
  }
}
function Hp({notify: e, explained: t}) {
  return r(
      ne, {
        id: 'why',
        title: e.state === 'sending' ? a('why_now') : a('why_title'),
        children:
            [
              r(
                  'ol', {
                    class: 'reasons',
                    children: t.reasons
                                  .map(
                                      n =>
                                          r(
                                              'li', {
                                                children:
                                                    [
                                                      r('strong', {children: et('why', n.code)}), ' ', r('code', {class: 'faint', children: n.code}),
                                                      r('p', {children: [r(yl, {text: n.detail}), ' ', r(Ip, {code: n.code, notify: e})]})
                                                    ]
                                              },
                                              n.code + n.detail))
                  }),
              r('p', {
                children: t.expected_at ? r(M, {children: [a('why_expected'), ' ', r(Se, {at: t.expected_at, ms: !0})]}) :
                                          r('span', {class: 'faint', children: a('why_depends')})
              })
            ]
      })
}
function Wp({notify: e}) {
  let t = re(`/v1/notifies?${new URLSearchParams({lane: e.lane, mode: e.mode, state: Vo, limit: '100'})}`), {data: n} = me(t, i => he(t, i), 5e3);
  if (!n) return null;
  let o = n.next === null ? cc(e.id, n.items) : void 0;
  return o ? r(bt, {id: o.id}) : r('span', {class: 'faint', children: o === null ? a('lane_last') : a('lane_unknown')})
}
function bc({label: e, command: t}) {
  return r(M, {
    children: [
      r('h3', {children: e}), t.text === null ? null : r(tt, {label: e, children: t.text}),
      t.notes.map(n => r('p', {class: 'faint', children: a(n)}, n))
    ]
  })
}
function Bp({close: e, done: t, ...n}) {
  let [{notify: o, etag: i}] = I(n), [l, s] = I(''), [d, c] = I(o.priority === null ? '' : String(o.priority)),
                         [m, p] = I(String(o.retry.max_attempts ?? '')),
                         [b, y] = I(o.data === void 0 || o.data === null ? '' : Ft(o.data, void 0, 2)), _ = async () => {
                           let v = {};
                           l.trim() !== '' && (v.delay_ms = Math.round(Number(l) * 1e3));
                           let x = P => P.trim() === '' ? null : Number(P);
                           if (x(d) !== o.priority && (v.priority = x(d)), x(m) !== o.retry.max_attempts && (v.retry = {max_attempts: x(m)}),
                               o.data !== void 0 && o.data !== null)
                             try {
                               let P = Gi(o.data, b.trim() === '' ? null : Qr(b));
                               if (P?.unsayable) return a('change_null', {path: P.unsayable});
                               P && (v.data = P.patch)
                             } catch (P) {
                               return String(P)
                             }
                           if (Object.keys(v).length === 0) return a('change_nothing');
                           await se('PATCH', `/v1/notifies/${o.id}`, {body: v, headers: i ? {'If-Match': i} : {}}), Re(a('changed')), t()
                         };
  return r(Ge, {
    title: a('change_title'),
    close: e,
    children: r(ht, {
      send: _,
      label: a('save'),
      close: e,
      children: [
        r(be, {
          label: a('change_delay'),
          hint: a('change_delay_hint'),
          children: r('input', {inputMode: 'decimal', value: l, onInput: v => s(v.currentTarget.value)})
        }),
        o.priority !== null ? r(be, {
          label: a('f_priority'),
          hint: a('change_priority_hint'),
          children: r('input', {inputMode: 'numeric', value: d, onInput: v => c(v.currentTarget.value)})
        }) :
                              null,
        r(be, {
          label: a('f_max_attempts'),
          hint: a('change_default_hint'),
          children: r('input', {inputMode: 'numeric', value: m, onInput: v => p(v.currentTarget.value)})
        }),
        o.data !== void 0 && o.data !== null ? r(be, {
          label: a('f_data'),
          hint: a('change_data_hint'),
          children: r('textarea', {rows: 8, spellcheck: !1, value: b, onInput: v => y(v.currentTarget.value)})
        }) :
                                               null
      ]
    })
  })
}
function zp({notify: e, etag: t, reasons: n, again: o}) {
  let [i, l] = I(null);
  if (!pe('operate')) return null;
  let s = gt(e.state), d = lc(e, n), c = `/v1/notifies/${e.id}`, m = async (p, b, y) => (await se(p, b), o(), y);
  return r(M, {
    children: [
      d.now ? r(Ie, {tone: 'main', act: () => m('POST', `${c}/retry`, a('retried')), children: s ? a('send_now') : a('send_again')}) : null,
      d.thoughPaused ?
          r(Ie, {tone: d.now ? void 0 : 'main', act: () => m('POST', `${c}/retry?paused=true`, a('retried')), children: a('send_though_paused')}) :
          null,
      s && e.state !== 'sending' ? r('button', {type: 'button', onClick: () => l('change'), children: a('change')}) : null,
      s ? r('button', {type: 'button', class: 'danger', onClick: () => l('cancel'), children: a('cancel_notify')}) : null,
      i === 'change' ? r(Bp, {notify: e, etag: t, close: () => l(null), done: o}) : null,
      i === 'cancel' ? r(Ge,
                         {
                           title: a('cancel_title'),
                           close: () => l(null),
                           children: [
                             r('p', {children: a('cancel_text', {id: e.id})}), r('footer', {
                               children: [
                                 r('button', {
                                   type: 'button',
                                   class: 'danger',
                                   onClick: () => {l(null), m('DELETE', c, '').then(() => Re(a('cancelled')), p => Re(ir(p), !0))},
                                   children: a('cancel_notify')
                                 }),
                                 r('button', {type: 'button', onClick: () => l(null), children: a('cancel_dialog')})
                               ]
                             })
                           ]
                         }) :
                       null
    ]
  })
}
function Gn(e, t, n, o = {}) {
  return r('span', {class: 'id', children: [r('a', {href: L(e, n, o), children: r(O, {children: t})}), r(Je, {text: t})]})
}
function Up({notify: e}) {
  let t = yc(e.url),
      n = e.retry.schedule_ms ? e.retry.schedule_ms.map(ve).join(', ') :
                                `${ve(e.retry.initial_ms ?? 0)} × ${e.retry.factor ?? 1}, ≤ ${ve(e.retry.max_ms)}`,
      o = [
        [a('f_url'), r(M, {children: [r('span', {class: 'method', children: e.method}), ' ', r(O, {children: e.url}), r(Je, {text: e.url})]})],
        [a('f_lane'), r(M, {children: [Gn('lane', e.lane, [e.mode, e.lane]), ' ', r('span', {class: 'faint', children: et('mode', e.mode)})]})]
      ];
  return Vo.split(',').includes(e.state) && o.push([a('f_next_in_lane'), r(Wp, {notify: e})]), t && o.push([a('f_host'), Gn('destination', t, [t])]),
         e.service && o.push([a('f_service'), Gn('service', e.service, [e.service])]),
         o.push([a('f_caller'), e.caller ? Gn('notifies', e.caller, [], {caller: e.caller}) : r('span', {class: 'faint', children: a('none')})]),
         e.fkey && o.push([a('f_fkey'), Gn('fkeys', e.fkey, [], {fkey: e.fkey})]),
         e.group_id && o.push([a('f_group'), Gn('group', e.group_id, [e.group_id])]),
         e.event && o.push([a('f_event'), Gn('event', e.event, [e.event])]),
         e.subscription && o.push([a('f_subscription'), Gn('topics', e.subscription, [], {subscription: e.subscription})]),
         e.schedule && o.push([a('f_schedule'), Gn('schedule', e.schedule, [e.schedule])]), e.labels && o.push([
           a('f_labels'), r('ul', {
             class: 'chips',
             children: Object.entries(e.labels).map(
                 ([i, l]) => r(
                     'li',
                     {class: 'chip', children: r('a', {href: L('notifies', [], {label: `${i}:${l}`}), children: r(O, {children: `${i}:${l}`})})}, i))
           })
         ]),
         e.idempotency_key && o.push([a('f_idempotency'), r(M, {children: [r(O, {children: e.idempotency_key}), r(Je, {text: e.idempotency_key})]})]),
         o.push([a('f_created'), r(Se, {at: e.created_at, full: !0, ms: !0})]),
         e.due_at && o.push([a('f_due'), r(Se, {at: e.due_at, full: !0, ms: !0})]), e.settled_at && o.push([
           a('f_settled'), r(M, {
             children: [
               r(Se, {at: e.settled_at, full: !0, ms: !0}),
               e.reason ?
                   r(M,
                     {children: [' · ', r('code', {children: e.reason}), ' ', et('reason', e.reason) === e.reason ? '' : et('reason', e.reason)]}) :
                   null
             ]
           })
         ]),
         e.expires_at && o.push([a('f_expires'), r(Se, {at: e.expires_at, full: !0, ms: !0})]),
         e.priority !== null && o.push([a('f_priority'), e.priority]),
         o.push([a('f_retry'), `${e.attempts_made} / ${e.retry.max_attempts ?? '∞'} · ${n}`]), o.push([a('f_timeout'), ve(e.timeout_ms)]),
         e.callback_url && o.push([a('f_callback'), r(M, {children: [r(O, {children: e.callback_url}), r(Je, {text: e.callback_url})]})]),
         r(Dt, {rows: o})
}
function jp({notify: e}) {
  let t = Object.entries(e.headers), n = e.data !== void 0 && e.data !== null ? Ft(e.data, void 0, 2) : e.body ?? e.body_base64 ?? '';
  return r(ne, {
    title: a('sent_title'),
    children: [
      t.length > 0 ? r(tt, {
        label: a('f_headers'),
        children: t.map(([o, i]) => `${o}: ${i}`).join(`
`)
      }) :
                     null,
      e.data === void 0 && e.body === void 0 ? r('p', {class: 'faint', children: a('no_bodies')}) :
          n === ''                           ? r('p', {class: 'faint', children: a('no_body')}) :
                                               r(tt, {label: a('f_data'), children: n})
    ]
  })
}
function Vp({id: e, settledAt: t}) {
  let n = `/v1/notifies/${e}/response`, {data: o, error: i} = me(`${n}#${t}`, l => he(n, l));
  return i?.status===404?null:r(ne,{title:a('answer_title'),id:'answer',children:[i?r(te,{problem:i}):null,o?r(M,{children:[r('p',{children:[r('code',{children:o.status}),' · ',r(Se,{at:o.received_at,ms:!0}),' ',o.truncated?a('answer_truncated'):'']}),r(tt,{label:a('f_headers'),children:Object.entries(o.headers).map(([l,s])=>`${l}: ${s}`).join(`
`)}),r(tt,{label:a('answer_title'),children:o.body??o.body_base64??''})]}):null]})
}
function wc() {
  let {args: e} = $e(), t = e[0] ?? '', n = `/v1/notifies/${encodeURIComponent(t)}`, [o, i] = I(1e3),
             l = me(n, m => se('GET', n, {signal: m, exactly: !0}), o), s = l.data?.body ?? null, d = s !== null && gt(s.state);
  Fe(() => i(s && !d ? 5e3 : 1e3), [s === null, d]);
  let c = me(d ? `${n}/explain` : '', m => d ? he(`${n}/explain`, m) : Promise.resolve(null), d ? 1e3 : 0);
  return s    ? r(M, {
       children: [
      r(ae, {
           aside: r(zp, {notify: s, etag: l.data?.etag ?? null, reasons: (c.data?.reasons ?? []).map(m => m.code), again: l.again}),
           children: [r('span', {class: 'id', children: [s.id, r(Je, {text: s.id})]}), ' ', r(On, {state: s.state})]
      }),
      r('p', {class: 'subtitle', children: [r('span', {class: 'method', children: s.method}), ' ', r(O, {children: s.url})]}),
      l.error ? r(te, {problem: l.error, again: l.again}) : null, r('div', {
           class: 'columns',
           children: [
          r('div', {
               children: [
              d && c.data ? r(Hp, {notify: s, explained: c.data}) : null,
                 r(ne, {title: a('waterfall_title'), id: 'waterfall', children: r(mc, {notify: s, now: Date.now()})}),
              s.keep_response_bytes > 0 && s.settled_at && pe('read_bodies', 'submit') ? r(Vp, {id: s.id, settledAt: s.settled_at}) : null,
                 r(jp, {notify: s})
               ]
             }),
          r('div', {
               children: [
              r(ne, {title: a('facts_title'), children: r(Up, {notify: s})}), r(ne, {
                   title: a('copy_as'),
                   children: [r(bc, {label: 'curl', command: su(s)}), r(bc, {label: 'notifyctl', command: lu(s, Lt(), Date.now())})]
              })
            ]
          })
        ]
      })
    ]
  }) :
      l.error ? r(M, {children: [r(ae, {children: t}), r(te, {problem: l.error, again: l.again})]}) :
                r('p', {class: 'faint', children: a('loading')})
}
var Ua = (e, t = H) => e === null ? '–' : t(e);
function Gp({row: e}) {
  return e.state === 'deleting' ? r(ee, {tone: 'warn', children: a('being_removed')}) :
      e.awake === null          ? r(ee, {tone: 'warn', children: a('unknown')}) :
      e.awake                   ? r(ee, {tone: 'good', children: a('awake')}) :
                                  r(ee, {tone: 'plain', icon: 'moon', children: a('asleep')})
}
function qp({row: e}) {
  if (!e.moving) return null;
  let {to: t, state: n, copied_keys: o, waits_for: i} = e.moving, l = n === null ? '' : a(`cell_${n}`, {n: H(o ?? 0)});
  return r(M, {
    children: [
      r(O, {children: t}), ' ', l ? r(ee, {tone: 'plain', children: l}) : null, i ? r(ee, {tone: 'warn', children: a('cell_waits', {why: i})}) : null
    ]
  })
}
function vc() {
  let e = nt('/v1/namespaces?limit=200', t => t.name, 3e3);
  return r(M,{children:[r(ae,{children:a('nav_namespaces')}),e.error?r(te,{problem:e.error,again:e.again}):null,r(jo,{names:e.missing}),r(ye,{label:a('nav_namespaces'),pages:e,keyOf:t=>t.name,to:t=>L('overview',[],{ns:t.name}),empty:r(ce,{title:a('none'),command:'notifyctl namespace create billing'}),columns:[{name:a('name'),width:'minmax(8rem, 1fr)',main:!0,cell:t=>r('a',{href:L('overview',[],{ns:t.name}),children:r(O,{children:t.name})})},{name:a('col_state'),width:'9rem',main:!0,cell:t=>r(Gp,{row:t})},...Xr()?[{name:a('served_by'),width:'minmax(7rem, 0.6fr)',hide:!0,cell:t=>t.member?r(O,{children:t.member}):a('served_by_nobody')}]:[],...e.rows.some(t=>t.settings.cell||t.moving)?[{name:a('served_cell'),width:'minmax(6rem, 0.5fr)',hide:!0,cell:t=>r(O,{children:String(t.settings.cell??a('cell_home'))})}]:[],...e.rows.some(t=>t.moving)?[{name:a('cell_moves'),width:'minmax(9rem, 1fr)',hide:!0,cell:t=>r(qp,{row:t})}]:[],{name:a('tile_pending'),width:'7rem',right:!0,cell:t=>Ua(t.pending)},{name:a('col_flight'),width:'9rem',right:!0,hide:!0,cell:t=>t.in_flight===null||t.may_be_in_flight===null?'–':`${H(t.in_flight)} / ${H(t.may_be_in_flight)} (${ro(t.in_flight,t.may_be_in_flight)})`},{name:a('stored'),width:'7rem',right:!0,hide:!0,cell:t=>Ua(t.stored_bytes,Dn)},{name:a('submits_minute'),width:'8rem',right:!0,hide:!0,cell:t=>Ua(t.submits_last_minute)},{name:a('attempts_minute'),width:'8rem',right:!0,hide:!0,cell:t=>Ua(t.attempts_last_minute)}]})]})
}
var Kp = ['submit', 'read', 'read_bodies', 'register', 'operate', 'admin', 'metrics'],
    Yp = e => /^\d{1,6}(\.\d+)?$/.test(e.trim()) && Number(e) > 0 && Number(e) <= 1e5 ? Number(e) : NaN;
function Jp({close: e, done: t}) {
  let [n, o] = I(''), [i, l] = I(['read']), [s, d] = I(''), [c, m] = I('90'), [p, b] = I(!1), [y, _] = I(null);
  return y ? r(Ge, {
    title: a('token_made'),
    close: e,
    children: [
      r('p', {children: a('token_once')}), r(tt, {label: a('login_token'), children: y.token ?? ''}),
      r('footer', {children: r('button', {type: 'button', class: 'main', onClick: e, children: a('close')})})
    ]
  }) :
             r(
                 Ge, {
                   title: a('token_new'),
                   close: e,
                   children:
                       r(
                           ht, {
                             label: a('token_make'),
                             close: e,
                             stays: !0,
                             disabled: i.length === 0,
                             send: async () => {
                               let v = {scopes: i};
                               n.trim() && (v.name = n.trim()), s.trim() && (v.namespaces = s.trim() === '*' ? '*' : s.trim().split(/[\s,]+/));
                               let x = c.trim() === '' ? null : Yp(c);
                               b(x !== null && isNaN(x)),
                                   !(x !== null && isNaN(x)) &&
                                   (x !== null && (v.expires_at = new Date(Date.now() + x * 864e5).toISOString()),
                                    _((await se('POST', '/v1/tokens', {body: v})).body), t())
                             },
                             children: [
                               r(be, {label: a('name'), children: r('input', {autoFocus: !0, value: n, onInput: v => o(v.currentTarget.value)})}),
                               r(
                                   'fieldset', {
                                     children: [
                                       r('legend', {children: a('scopes')}),
                                       Kp.map(
                                           v =>
                                               r('label', {
                                                 class: 'check',
                                                 children: [
                                                   r('input', {
                                                     type: 'checkbox',
                                                     checked: i.includes(v),
                                                     onChange: () => l(i.includes(v) ? i.filter(x => x !== v) : [...i, v])
                                                   }),
                                                   ' ', r('code', {children: v})
                                                 ]
                                               },
                                                 v))
                                     ]
                                   }),
                               r(be, {
                                 label: a('nav_namespaces'),
                                 hint: a('token_namespaces_hint'),
                                 children: r('input', {value: s, onInput: v => d(v.currentTarget.value)})
                               }),
                               r(be, {
                                 label: a('token_days'),
                                 hint: a('token_days_hint'),
                                 fault: p ? a('token_days_bad') : null,
                                 children: r('input', {inputMode: 'numeric', 'aria-invalid': p, value: c, onInput: v => m(v.currentTarget.value)})
                               })
                             ]
                           })
                 })
}
function kc() {
  let e = nt('/v1/tokens?limit=200', s => s.id, 5e3), [t, n] = I(!1), [o, i] = I(null),
      l = s => async () => (await se('PATCH', `/v1/tokens/${encodeURIComponent(s.id)}`, {body: {disabled: !s.disabled}}), e.again(), a('changed'));
  return r(M, {
    children: [
      r(ae, {aside: r('button', {type: 'button', class: 'main', onClick: () => n(!0), children: a('token_new')}), children: a('nav_tokens')}),
      e.error ? r(te, {problem: e.error, again: e.again}) : null, r(ye, {
        label: a('nav_tokens'),
        pages: e,
        keyOf: s => s.id,
        empty: r(ce, {title: a('tokens_none'), command: 'notifyctl token create --namespaces billing --scopes submit'}),
        columns: [
          {name: a('name'), width: 'minmax(8rem, 1fr)', main: !0, cell: s => r(O, {children: s.name})}, {
            name: a('col_state'),
            width: '8rem',
            main: !0,
            cell: s => s.disabled                                             ? r(ee, {tone: 'warn', icon: 'cancelled', children: a('disabled')}) :
                s.expires_at && new Date(s.expires_at).getTime() < Date.now() ? r(ee, {tone: 'warn', icon: 'expired', children: a('expired')}) :
                                                                                r(ee, {tone: 'good', children: a('active')})
          },
          {name: a('col_id'), width: '10rem', hide: !0, cell: s => r('span', {class: 'id', children: [s.id, r(Je, {text: s.id})]})},
          {name: a('scopes'), width: 'minmax(9rem, 1.5fr)', cell: s => s.scopes.join(', ')},
          {name: a('nav_namespaces'), width: 'minmax(6rem, 1fr)', hide: !0, cell: s => s.namespaces === '*' ? a('all') : s.namespaces.join(', ')},
          {name: a('last_used'), width: '8rem', right: !0, hide: !0, cell: s => r(Be, {at: s.last_used_at})},
          {name: a('f_expires'), width: '8rem', right: !0, hide: !0, cell: s => s.expires_at ? r(Be, {at: s.expires_at}) : a('never')}, {
            name: a('actions'),
            width: '7rem',
            cell: s => s.disabled ? r(Ie, {small: !0, act: l(s), children: a('enable')}) :
                                    r('button', {type: 'button', class: 'small', onClick: () => i(s), children: a('disable_how')})
          }
        ]
      }),
      o ? r(Ge, {
        title: a('disable_title', {name: o.name}),
        close: () => i(null),
        children: [
          r('p', {children: a('disable_text')}), o.id === wu() ? r('p', {class: 'bad-text', children: a('disable_own')}) : null, r('footer', {
            children: [
              r('button', {type: 'button', class: 'danger', onClick: () => {i(null), l(o)().then(Re, s => Re(ir(s), !0))}, children: a('disable')}),
              r('button', {type: 'button', onClick: () => i(null), children: a('cancel_dialog')})
            ]
          })
        ]
      }) :
          null,
      t ? r(Jp, {close: () => n(!1), done: e.again}) : null
    ]
  })
}
function xc() {
  let e = nt('/v1/audit?limit=100', t => JSON.stringify(t), 3e3);
  return r(M, {
    children: [
      r(ae, {children: a('nav_audit')}), e.error ? r(te, {problem: e.error, again: e.again}) : null, r(ye, {
        label: a('nav_audit'),
        pages: e,
        keyOf: t => JSON.stringify(t),
        empty: r(ce, {title: a('audit_none'), children: pe('admin') ? a('audit_hint') : null}),
        columns: [
          {name: a('col_when'), width: '10rem', main: !0, cell: t => r(Se, {at: t.at})},
          {name: a('audit_what'), width: '11rem', main: !0, cell: t => r('code', {children: t.what})},
          {name: a('audit_who'), width: 'minmax(7rem, 1fr)', cell: t => r(O, {children: t.who ?? '–'})},
          {name: a('audit_object'), width: 'minmax(9rem, 1.5fr)', cell: t => t.object ? r(yl, {text: t.object}) : '–'},
          {name: a('namespace'), width: '7rem', hide: !0, cell: t => t.namespace ?? '–'},
          {name: a('audit_count'), width: '5rem', right: !0, hide: !0, cell: t => H(t.count)},
          {name: a('audit_said'), width: 'minmax(8rem, 1.5fr)', hide: !0, cell: t => t.said ? r(O, {children: t.said}) : ''},
          {name: a('audit_from'), width: '8rem', hide: !0, cell: t => t.from ?? '–'}
        ]
      })
    ]
  })
}
var Qp = {ok: 'good', pending: 'warn', firing: 'bad'}, Zp = `[[alert]]
name = "failing"
when = "failing"
for_ms = 60000
to = ["webhook:http://127.0.0.1:9100/alerts"]`,
    Xp = {above: '>', from: '≥', below: '<'};
function Sc(e, t) {
  switch (e) {
    case 'ms':
      return ve(t);
    case 'bytes':
      return Dn(t);
    case 'percent':
      return `${Math.round(t * 10) / 10} %`;
    case 'per_s':
      return no(t);
    case 'ratio':
      return `× ${Math.round(t * 10) / 10}`;
    case 'count':
      return H(t);
    default:
      return ''
  }
}
function eg({cause: e, unit: t}) {
  let n = e.namespace ? {ns: e.namespace} : {};
  return r('li', {
    children: [
      e.host ? r('a', {href: L('destination', [e.host], n), children: r(O, {children: e.host})}) : null, ' ',
      e.lane ? r(O, {children: e.lane}) : null, ' ',
      e.caller ? r('a', {href: L('callers', [], {...n, caller: e.caller}), children: r(O, {children: e.caller})}) : null, ' ',
      e.name ? r(O, {children: e.name}) : null, ' ', e.member ? r(O, {children: e.member}) : null, ' ',
      e.namespace ? r('span', {class: 'faint', children: e.namespace}) : null, ' · ', r(Be, {at: e.since}),
      t ? r(M, {children: [' · ', Sc(t, e.value)]}) : null, e.detail ? r(M, {children: [' · ', r('bdi', {children: e.detail})]}) : null
    ]
  })
}
function Tc() {
  let e = me('/v1/alerts', n => he('/v1/alerts', n), 2e3), t = e.data;
  return!t&&e.error?.missing?r(M,{children:[r(ae,{children:a('nav_alerts')}),r(ce,{title:a('alerts_missing')})]}):r(M,{children:[r(ae,{aside:t?r('span',{children:a('alerts_firing',{n:H(t.firing)})}):null,children:a('nav_alerts')}),e.error?r(te,{problem:e.error,again:e.again}):null,t&&t.undelivered>0?r('div',{class:'banner warn',role:'alert',children:[r(ze,{name:'warn'}),a('alerts_undelivered',{n:H(t.undelivered)})]}):null,r(jo,{names:t?.missing}),t&&t.items.length===0?r(ce,{title:a('alerts_none'),command:Zp}):null,(t?.items??[]).map(n=>r(ne,{title:r(M,{children:[r(O,{children:n.name}),' ',r(ee,{tone:Qp[n.state],children:et('alert',n.state)})]}),aside:pe('operate')?r(Ie,{small:!0,act:async()=>(await se('POST',`/v1/alerts/${encodeURIComponent(n.name)}/test`),a('alert_tested')),children:a('alert_test')}):null,children:[r(Dt,{rows:[[a('alert_when'),r(M,{children:[r('code',{children:n.when}),n.threshold===null?'':` ${Xp[n.fires]} ${Sc(n.unit,n.threshold)}`,' · ',a('alert_for',{d:ve(n.for_ms)})]})],[a('alert_since'),r(Be,{at:n.firing_since})],[a('alert_to'),r(O,{children:n.to.join(', ')})],[a('alert_message'),n.last_message_at?r(M,{children:[r(Se,{at:n.last_message_at}),' ',n.last_message&&/^n[0-9a-f]{16}$/.test(n.last_message)?r(bt,{id:n.last_message}):n.last_message]}):a('none')],[a('alert_undelivered'),H(n.undelivered)]]}),n.causes_count>0?r(M,{children:[r('h3',{children:a(n.causes_count===1?'alert_causes_1':'alert_causes',{n:H(n.causes_count)})}),r('ul',{class:'plain-list',children:n.causes.map((o,i)=>r(eg,{cause:o,unit:n.unit},i))})]}):null]},n.name))]})
}
var Cc = {minute: 6e4, hour: 36e5, day: 864e5}, tg = Object.keys(Cc), ng = ['accepted', 'failed', 'late', 'bytes'];
function rg({caller: e, close: t, done: n}) {
  let {submits_per_s: o} = e, {texts: i, set: l, save: s} = ao({submits_per_s: o}, re(`/v1/callers/${encodeURIComponent(e.caller)}`)),
                      d = async () => {
                        let c = await s();
                        return c || n(), c
                      };
  return r(Ge, {
    title: a('limits_title', {name: e.caller}),
    close: t,
    children: r(ht, {
      send: d,
      label: a('save'),
      close: t,
      children: r(be, {
        label: a('f_submits'),
        hint: a('limit_none_hint'),
        children: r('input', {inputMode: 'decimal', autoFocus: !0, value: i.submits_per_s, onInput: l('submits_per_s')})
      })
    })
  })
}
function og({day: e, day_before: t}, n) {
  let i = Math.min(864e5, n - 864e5);
  return t.accepted > 0 && i >= 864e5 / 24 ? ro(e.accepted * i / 864e5, t.accepted) : '–'
}
function Pc() {
  let {query: e} = $e(), t = tg.find(_ => _ === e.get('span')) ?? 'hour', n = ng.find(_ => _ === e.get('sort')) ?? 'accepted',
              o = re(`/v1/callers?sort=${encodeURIComponent(n)}&since_ms=${Cc[t]}&limit=200`), i = me(o, _ => he(o, _), 2e3), [l, s] = I(null),
              d = e.get('caller'), c = i.data?.items ?? [], m = c.find(_ => !_.others && _.caller === l?.caller) ?? l,
              p = Math.max(1, ...c.map(_ => _[n])), b = pe('operate') && Bt(),
              y = _ => async () =>
                  (await se('PATCH', re(`/v1/callers/${encodeURIComponent(_.caller)}`), {body: {paused: !_.paused}}), i.again(),
                   _.paused ? a('resumed_done', {name: _.caller}) : a('paused_done', {name: _.caller}));
  return r(M, {
    children: [
      r(ae, {
        aside: r(M, {
          children: [
            r('label', {
              children: [
                a('callers_span'), ' ', r('select', {
                  value: t,
                  onChange: _ => ut({span: _.currentTarget.value}),
                  children: [
                    r('option', {value: 'minute', children: a('span_minute')}), r('option', {value: 'hour', children: a('span_hour')}),
                    r('option', {value: 'day', children: a('span_day')})
                  ]
                })
              ]
            }),
            r('label', {
              children: [
                a('callers_sort'), ' ', r('select', {
                  value: n,
                  onChange: _ => ut({sort: _.currentTarget.value}),
                  children: [
                    r('option', {value: 'accepted', children: a('chart_accepted')}), r('option', {value: 'failed', children: a('col_failed')}),
                    r('option', {value: 'late', children: a('late')}), r('option', {value: 'bytes', children: a('col_bytes')})
                  ]
                })
              ]
            })
          ]
        }),
        children: a('nav_callers')
      }),
      i.error ? r(te, {problem: i.error, again: i.again}) : null,
      i.data === null && !i.error ? r('p', {class: 'faint', children: a('loading')}) : null,
      i.data ? r(
                   ne, {
                     children: r(ye, {
                       label: a('nav_callers'),
                       rows: c,
                       keyOf: _ => _.others ? '\0' : _.caller,
                       to: _ => L('notifies', [], {caller: _.caller}),
                       empty: r(
                           ce, {title: a('flood_none'), command: `${at()} submit http://127.0.0.1:9100/orders --caller shop --data '{"order":1}'`}),
                       columns: [
                         {
                           name: a('f_caller'),
                           width: 'minmax(8rem, 1.5fr)',
                           main: !0,
                           cell: _ => _.others ? r('span', {class: 'faint', children: a('caller_others')}) : r(M, {
                             children: [r(O, {children: _.caller}), ' ', _.caller === d ? r(ee, {tone: 'plain', children: a('chosen')}) : null]
                           })
                         },
                         {
                           name: a('col_state'),
                           width: '7rem',
                           main: !0,
                           cell: _ => _.paused          ? r(ee, {tone: 'warn', icon: 'held', children: a('paused')}) :
                               _.submits_per_s !== null ? r(ee, {tone: 'plain', children: `${_.submits_per_s}${a('per_s')}`}) :
                                                          null
                         },
                         {name: a('callers_share'), width: 'minmax(5rem, 1fr)', hide: !0, cell: _ => r(Oa, {value: _[n], of: p, label: H(_[n])})},
                         {name: a('col_accepted'), width: '6rem', right: !0, cell: _ => Pt(_.accepted)},
                         {name: a('against_yesterday'), width: '8rem', right: !0, hide: !0, cell: _ => og(_, i.data?.counted_for_ms ?? 0)},
                         {name: a('col_failed'), width: '6rem', right: !0, cell: _ => Pt(_.failed)},
                         {name: a('late'), width: '5rem', right: !0, hide: !0, cell: _ => Pt(_.late)},
                         {name: a('col_bytes'), width: '6rem', right: !0, hide: !0, cell: _ => Dn(_.bytes)},
                         {name: a('col_flight'), width: '5rem', right: !0, hide: !0, cell: _ => H(_.in_flight)}, {
                           name: a('actions'),
                           width: '11rem',
                           cell: _ => b && !_.others && _.caller !== '' ? r('span', {
                             class: 'row-actions',
                             children: [
                               r(Ie, {small: !0, act: y(_), children: _.paused ? a('resume') : a('pause')}),
                               r('button', {type: 'button', class: 'small', onClick: () => s(_), children: a('limits')})
                             ]
                           }) :
                                                                          null
                         }
                       ]
                     })
                   }) :
               null,
      l && m ? r(rg, {caller: m, close: () => s(null), done: i.again}, m.caller) : null
    ]
  })
}
var wl = 'prefix', Go = () => $e().query.get(wl) ?? '', ja = e => e ? `&${wl}=${encodeURIComponent(e)}` : '';
function Va({pages: e}) {
  let t = Go(), [n, o] = I(t);
  return e.more === null && t === '' ? null : r(M, {
    children: [
      r('form', {
        class: 'add-filter begins',
        onSubmit: i => {i.preventDefault(), ut({[wl]: n.trim() || null}, !1)},
        children: [
          r('input', {'aria-label': a('begins_with'), placeholder: a('begins_with'), value: n, onInput: i => o(i.currentTarget.value)}),
          r('button', {type: 'submit', children: a('find')})
        ]
      }),
      e.more !== null && e.rows.length > 0 ? r('p', {class: 'hint', role: 'status', children: a('sorted_part', {n: H(e.rows.length)})}) : null
    ]
  })
}
var Ga = ({prefix: e}) => r(ce, {title: a('begins_none'), children: r(O, {children: e})});
var ag = 'uplot', ig = 'u-hz', lg = 'u-vt', sg = 'u-title', ug = 'u-wrap', cg = 'u-under', dg = 'u-over', mg = 'u-axis', Cr = 'u-off',
    fg = 'u-select', pg = 'u-cursor-x', gg = 'u-cursor-y', _g = 'u-cursor-pt', hg = 'u-legend', bg = 'u-live', yg = 'u-inline', wg = 'u-series',
    vg = 'u-marker', Nc = 'u-label', kg = 'u-value', Ko = 'width', Yo = 'height';
var Mc = 'bottom', io = 'left', vl = 'right', Il = '#000', Ac = Il + '0', kl = 'mousemove', Lc = 'mousedown', xl = 'mouseup', Dc = 'mouseenter',
    Ec = 'mouseleave', Oc = 'dblclick', xg = 'resize', Sg = 'scroll', Fc = 'change', Qa = 'dppxchange', Hl = '--', po = typeof window < 'u',
    Nl = po ? document : null, so = po ? window : null, Tg = po ? navigator : null, Pe, qa;
function Ml() {
  let e = devicePixelRatio;
  Pe != e &&
      (Pe = e, qa && Ll(Fc, qa, Ml), qa = matchMedia(`(min-resolution: ${Pe - .001}dppx) and (max-resolution: ${Pe + .001}dppx)`), Pr(Fc, qa, Ml),
       so.dispatchEvent(new CustomEvent(Qa)))
}
function Zt(e, t) {
  if (t != null) {
    let n = e.classList;
    !n.contains(t) && n.add(t)
  }
}
function Al(e, t) {
  let n = e.classList;
  n.contains(t) && n.remove(t)
}
function Qe(e, t, n) { e.style[t] = n + 'px' }
function bn(e, t, n, o) {
  let i = Nl.createElement(e);
  return t != null && Zt(i, t), n?.insertBefore(i, o), i
}
function un(e, t) { return bn('div', e, t) }
var $c = new WeakMap;
function Rn(e, t, n, o, i) {
  let l = 'translate(' + t + 'px,' + n + 'px)', s = $c.get(e);
  l != s && (e.style.transform = l, $c.set(e, l), t < 0 || n < 0 || t > o || n > i ? Zt(e, Cr) : Al(e, Cr))
}
var Rc = new WeakMap;
function Ic(e, t, n) {
  let o = t + n, i = Rc.get(e);
  o != i && (Rc.set(e, o), e.style.background = t, e.style.borderColor = n)
}
var Hc = new WeakMap;
function Wc(e, t, n, o) {
  let i = t + '' + n, l = Hc.get(e);
  i != l &&
      (Hc.set(e, i), e.style.height = n + 'px', e.style.width = t + 'px', e.style.marginLeft = o ? -t / 2 + 'px' : 0,
       e.style.marginTop = o ? -n / 2 + 'px' : 0)
}
var Wl = {passive: !0}, Cg = {...Wl, capture: !0};
function Pr(e, t, n, o) { t.addEventListener(e, n, o ? Cg : Wl) }
function Ll(e, t, n, o) { t.removeEventListener(e, n, Wl) }
po && Ml();
function yn(e, t, n, o) {
  let i;
  n = n || 0, o = o || t.length - 1;
  let l = o <= 2147483647;
  for (; o - n > 1;) i = l ? n + o >> 1 : Xt((n + o) / 2), t[i] < e ? n = i : o = i;
  return e - t[n] <= t[o] - e ? n : o
}
function pd(e) {
  return (n, o, i) => {
    let l = -1, s = -1;
    for (let d = o; d <= i; d++)
      if (e(n[d])) {
        l = d;
        break
      }
    for (let d = i; d >= o; d--)
      if (e(n[d])) {
        s = d;
        break
      }
    return [l, s]
  }
}
var gd = e => e != null, _d = e => e != null && e > 0, ei = pd(gd), Pg = pd(_d);
function Ng(e, t, n, o = 0, i = !1) {
  let l = i ? Pg : ei, s = i ? _d : gd;
  [t, n] = l(e, t, n);
  let d = e[t], c = e[t];
  if (t > -1)
    if (o == 1) d = e[t], c = e[n];
    else if (o == -1) d = e[n], c = e[t];
    else
      for (let m = t; m <= n; m++) {
        let p = e[m];
        s(p) && (p < d ? d = p : p > c && (c = p))
      }
  return [d ?? Ue, c ?? -Ue]
}
function ti(e, t, n, o) {
  let i = Uc(e), l = Uc(t);
  e == t && (i == -1 ? (e *= n, t /= n) : (e /= n, t *= n));
  let s = n == 10 ? qn : hd, d = i == 1 ? Xt : cn, c = l == 1 ? cn : Xt, m = d(s(wt(e))), p = c(s(wt(t))), b = uo(n, m), y = uo(n, p);
  return n == 10 && (m < 0 && (b = je(b, -m)), p < 0 && (y = je(y, -p))), o || n == 2 ? (e = b * i, t = y * l) : (e = vd(e, b), t = ni(t, y)), [e, t]
}
function Bl(e, t, n, o) {
  let i = ti(e, t, n, o);
  return e == 0 && (i[0] = 0), t == 0 && (i[1] = 0), i
}
var zl = .1, Bc = {mode: 3, pad: zl}, Qo = {pad: 0, soft: null, mode: 0}, Mg = {min: Qo, max: Qo};
function Za(e, t, n, o) { return ri(n) ? zc(e, t, n) : (Qo.pad = n, Qo.soft = o ? 0 : null, Qo.mode = o ? 3 : 0, zc(e, t, Mg)) }
function Te(e, t) { return e ?? t }
function Ag(e, t, n) {
  for (t = Te(t, 0), n = Te(n, e.length - 1); t <= n;) {
    if (e[t] != null) return !0;
    t++
  }
  return !1
}
function zc(e, t, n) {
  let o = n.min, i = n.max, l = Te(o.pad, 0), s = Te(i.pad, 0), d = Te(o.hard, -Ue), c = Te(i.hard, Ue), m = Te(o.soft, Ue), p = Te(i.soft, -Ue),
      b = Te(o.mode, 0), y = Te(i.mode, 0), _ = t - e, v = qn(_), x = zt(wt(e), wt(t)), P = qn(x), $ = wt(P - v);
  (_ < 1e-24 || $ > 10) && (_ = 0, (e == 0 || t == 0) && (_ = 1e-24, b == 2 && m != Ue && (l = 0), y == 2 && p != -Ue && (s = 0)));
  let S = _ || x || 1e3, D = qn(S), T = uo(10, Xt(D)), C = S * (_ == 0 ? e == 0 ? .1 : 1 : l), A = je(vd(e - C, T / 10), 24),
      G = e >= m && (b == 1 || b == 3 && A <= m || b == 2 && A >= m) ? m : Ue, q = zt(d, A < G && e >= G ? G : wn(G, A)),
      X = S * (_ == 0 ? t == 0 ? .1 : 1 : s), B = je(ni(t + X, T / 10), 24), F = t <= p && (y == 1 || y == 3 && B >= p || y == 2 && B <= p) ? p : -Ue,
      Y = wn(c, B > F && t <= F ? F : zt(F, B));
  return q == Y && q == 0 && (Y = 100), [q, Y]
}
var Lg = new Intl.NumberFormat(po ? Tg.language : 'en-US'), Ul = e => Lg.format(e), en = Math, Ja = en.PI, wt = en.abs, Xt = en.floor, yt = en.round,
    cn = en.ceil, wn = en.min, zt = en.max, uo = en.pow, Uc = en.sign, qn = en.log10, hd = en.log2, Dg = (e, t = 1) => en.sinh(e) * t,
    Sl = (e, t = 1) => en.asinh(e / t), Ue = 1 / 0;
function jc(e) { return (qn((e ^ e >> 31) - (e >> 31)) | 0) + 1 }
function Dl(e, t, n) { return wn(zt(e, t), n) }
function bd(e) { return typeof e == 'function' }
function we(e) { return bd(e) ? e : () => e }
var Eg = () => {}, yd = e => e, wd = (e, t) => t, Og = e => null, Vc = e => !0, Gc = (e, t) => e == t, Fg = /\.\d*?(?=9{6,}|0{6,})/gm, Nr = e => {
  if (xd(e) || ur.has(e)) return e;
  let t = `${e}`, n = t.match(Fg);
  if (n == null) return e;
  let o = n[0].length - 1;
  if (t.indexOf('e-') != -1) {
    let [i, l] = t.split('e');
    return +`${Nr(i)}e${l}`
  }
  return je(e, o)
};
function Sr(e, t) { return Nr(je(Nr(e / t)) * t) }
function ni(e, t) { return Nr(cn(Nr(e / t)) * t) }
function vd(e, t) { return Nr(Xt(Nr(e / t)) * t) }
function je(e, t = 0) {
  if (xd(e)) return e;
  let n = 10 ** t, o = e * n * (1 + Number.EPSILON);
  return yt(o) / n
}
var ur = new Map;
function kd(e) { return (('' + e).split('.')[1] || '').length }
function Xo(e, t, n, o) {
  let i = [], l = o.map(kd);
  for (let s = t; s < n; s++) {
    let d = wt(s), c = je(uo(e, s), d);
    for (let m = 0; m < o.length; m++) {
      let p = e == 10 ? +`${o[m]}e${s}` : o[m] * c, b = (s >= 0 ? 0 : d) + (s >= l[m] ? 0 : l[m]), y = e == 10 ? p : je(p, b);
      i.push(y), ur.set(y, b)
    }
  }
  return i
}
var Zo = {}, jl = [], co = [null, null], sr = Array.isArray, xd = Number.isInteger, $g = e => e === void 0;
function qc(e) { return typeof e == 'string' }
function ri(e) {
  let t = !1;
  if (e != null) {
    let n = e.constructor;
    t = n == null || n == Object
  }
  return t
}
function Rg(e) { return e != null && typeof e == 'object' }
var Ig = Object.getPrototypeOf(Uint8Array), Sd = '__proto__';
function mo(e, t = ri) {
  let n;
  if (sr(e)) {
    let o = e.find(i => i != null);
    if (sr(o) || t(o)) {
      n = Array(e.length);
      for (let i = 0; i < e.length; i++) n[i] = mo(e[i], t)
    } else n = e.slice()
  } else if (e instanceof Ig) n = e.slice();
  else if (t(e)) {
    n = {};
    for (let o in e) o != Sd && (n[o] = mo(e[o], t))
  } else n = e;
  return n
}
function mt(e) {
  let t = arguments;
  for (let n = 1; n < t.length; n++) {
    let o = t[n];
    for (let i in o) i != Sd && (ri(e[i]) ? mt(e[i], mo(o[i])) : e[i] = mo(o[i]))
  }
  return e
}
var Hg = 0, Wg = 1, Bg = 2;
function zg(e, t, n) {
  for (let o = 0, i, l = -1; o < t.length; o++) {
    let s = t[o];
    if (s > l) {
      for (i = s - 1; i >= 0 && e[i] == null;) e[i--] = null;
      for (i = s + 1; i < n && e[i] == null;) e[l = i++] = null
    }
  }
}
function Ug(e, t) {
  if (Gg(e)) {
    let s = e[0].slice();
    for (let d = 1; d < e.length; d++) s.push(...e[d].slice(1));
    return qg(s[0]) || (s = Vg(s)), s
  }
  let n = new Set;
  for (let s = 0; s < e.length; s++) {
    let c = e[s][0], m = c.length;
    for (let p = 0; p < m; p++) n.add(c[p])
  }
  let o = [Array.from(n).sort((s, d) => s - d)], i = o[0].length, l = new Map;
  for (let s = 0; s < i; s++) l.set(o[0][s], s);
  for (let s = 0; s < e.length; s++) {
    let d = e[s], c = d[0];
    for (let m = 1; m < d.length; m++) {
      let p = d[m], b = Array(i).fill(void 0), y = t ? t[s][m] : Wg, _ = [];
      for (let v = 0; v < p.length; v++) {
        let x = p[v], P = l.get(c[v]);
        x === null ? y != Hg && (b[P] = x, y == Bg && _.push(P)) : b[P] = x
      }
      zg(b, _, i), o.push(b)
    }
  }
  return o
}
var jg = typeof queueMicrotask > 'u' ? e => Promise.resolve().then(e) : queueMicrotask;
function Vg(e) {
  let t = e[0], n = t.length, o = Array(n);
  for (let l = 0; l < o.length; l++) o[l] = l;
  o.sort((l, s) => t[l] - t[s]);
  let i = [];
  for (let l = 0; l < e.length; l++) {
    let s = e[l], d = Array(n);
    for (let c = 0; c < n; c++) d[c] = s[o[c]];
    i.push(d)
  }
  return i
}
function Gg(e) {
  let t = e[0][0], n = t.length;
  for (let o = 1; o < e.length; o++) {
    let i = e[o][0];
    if (i.length != n) return !1;
    if (i != t) {
      for (let l = 0; l < n; l++)
        if (i[l] != t[l]) return !1
    }
  }
  return !0
}
function qg(e, t = 100) {
  let n = e.length;
  if (n <= 1) return !0;
  let o = 0, i = n - 1;
  for (; o <= i && e[o] == null;) o++;
  for (; i >= o && e[i] == null;) i--;
  if (i <= o) return !0;
  let l = zt(1, Xt((i - o + 1) / t));
  for (let s = e[o], d = o + l; d <= i; d += l) {
    let c = e[d];
    if (c != null) {
      if (c <= s) return !1;
      s = c
    }
  }
  return !0
}
var Td = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'],
    Cd = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
function Pd(e) { return e.slice(0, 3) }
var Kg = Cd.map(Pd), Yg = Td.map(Pd), Jg = {MMMM: Td, MMM: Yg, WWWW: Cd, WWW: Kg};
function qo(e) { return (e < 10 ? '0' : '') + e }
function Qg(e) { return (e < 10 ? '00' : e < 100 ? '0' : '') + e }
var Zg = {
  YYYY: e => e.getFullYear(),
  YY: e => (e.getFullYear() + '').slice(2),
  MMMM: (e, t) => t.MMMM[e.getMonth()],
  MMM: (e, t) => t.MMM[e.getMonth()],
  MM: e => qo(e.getMonth() + 1),
  M: e => e.getMonth() + 1,
  DD: e => qo(e.getDate()),
  D: e => e.getDate(),
  WWWW: (e, t) => t.WWWW[e.getDay()],
  WWW: (e, t) => t.WWW[e.getDay()],
  HH: e => qo(e.getHours()),
  H: e => e.getHours(),
  h: e => {
    let t = e.getHours();
    return t == 0 ? 12 : t > 12 ? t - 12 : t
  },
  AA: e => e.getHours() >= 12 ? 'PM' : 'AM',
  aa: e => e.getHours() >= 12 ? 'pm' : 'am',
  a: e => e.getHours() >= 12 ? 'p' : 'a',
  mm: e => qo(e.getMinutes()),
  m: e => e.getMinutes(),
  ss: e => qo(e.getSeconds()),
  s: e => e.getSeconds(),
  fff: e => Qg(e.getMilliseconds())
};
function Vl(e, t) {
  t = t || Jg;
  let n = [], o = /\{([a-z]+)\}|[^{]+/gi, i;
  for (; i = o.exec(e);) n.push(i[0][0] == '{' ? Zg[i[1]] : i[0]);
  return l => {
    let s = '';
    for (let d = 0; d < n.length; d++) s += typeof n[d] == 'string' ? n[d] : n[d](l, t);
    return s
  }
}
var Xg = new Intl.DateTimeFormat().resolvedOptions().timeZone;
function e_(e, t) {
  let n;
  return t == 'UTC' || t == 'Etc/UTC' ? n = new Date(+e + e.getTimezoneOffset() * 6e4) :
             t == Xg                  ? n = e :
                                        (n = new Date(e.toLocaleString('en-US', {timeZone: t})), n.setMilliseconds(e.getMilliseconds())),
                                        n
}
var Nd = e => e % 1 == 0, Xa = [1, 2, 2.5, 5], t_ = Xo(10, -32, 0, Xa), Md = Xo(10, 0, 32, Xa), n_ = Md.filter(Nd), Tr = t_.concat(Md), Gl = `
`,
    Ad = '{YYYY}', Kc = Gl + Ad, Ld = '{M}/{D}', Jo = Gl + Ld, Ka = Jo + '/{YY}', Dd = '{aa}', r_ = '{h}:{mm}', lo = r_ + Dd, Yc = Gl + lo,
    Jc = ':{ss}', Ae = null;
function Ed(e) {
  let t = e * 1e3, n = t * 60, o = n * 60, i = o * 24, l = i * 30, s = i * 365,
      c = (e == 1 ? Xo(10, 0, 3, Xa).filter(Nd) : Xo(10, -3, 0, Xa)).concat([
        t,     t * 5, t * 10, t * 15, t * 30, n,     n * 5, n * 10, n * 15, n * 30, o,      o * 2,  o * 3,  o * 4,
        o * 6, o * 8, o * 12, i,      i * 2,  i * 3, i * 4, i * 5,  i * 6,  i * 7,  i * 8,  i * 9,  i * 10, i * 15,
        l,     l * 2, l * 3,  l * 4,  l * 6,  s,     s * 2, s * 5,  s * 10, s * 25, s * 50, s * 100
      ]),
      m = [
        [s, Ad, Ae, Ae, Ae, Ae, Ae, Ae, 1], [i * 28, '{MMM}', Kc, Ae, Ae, Ae, Ae, Ae, 1], [i, Ld, Kc, Ae, Ae, Ae, Ae, Ae, 1],
        [o, '{h}' + Dd, Ka, Ae, Jo, Ae, Ae, Ae, 1], [n, lo, Ka, Ae, Jo, Ae, Ae, Ae, 1], [t, Jc, Ka + ' ' + lo, Ae, Jo + ' ' + lo, Ae, Yc, Ae, 1],
        [e, Jc + '.{fff}', Ka + ' ' + lo, Ae, Jo + ' ' + lo, Ae, Yc, Ae, 1]
      ];
  function p(b) {
    return (y, _, v, x, P, $) => {
      let S = [], D = P >= s, T = P >= l && P < s, C = b(v), A = je(C * e, 3),
          G = Tl(C.getFullYear(), D ? 0 : C.getMonth(), T || D ? 1 : C.getDate()), q = je(G * e, 3);
      if (T || D) {
        let X = T ? P / l : 0, B = D ? P / s : 0, F = A == q ? A : je(Tl(G.getFullYear() + B, G.getMonth() + X, 1) * e, 3), Y = new Date(yt(F / e)),
            W = Y.getFullYear(), ie = Y.getMonth();
        for (let J = 0; F <= x; J++) {
          let de = Tl(W + B * J, ie + X * J, 1), K = de - b(je(de * e, 3));
          F = je((+de + K) * e, 3), F <= x && S.push(F)
        }
      } else {
        let X = P >= i ? i : P, B = Xt(v) - Xt(A), F = q + B + ni(A - q, X);
        S.push(F);
        let Y = b(F), W = Y.getHours() + Y.getMinutes() / n + Y.getSeconds() / o, ie = P / o, J = y.axes[_]._space, de = $ / J;
        for (; F = je(F + P, e == 1 ? 0 : 3), !(F > x);)
          if (ie > 1) {
            let K = Xt(je(W + ie, 6)) % 24, ke = b(F).getHours() - K;
            ke > 1 && (ke = -1), F -= ke * o, W = (W + ie) % 24;
            let Ee = S[S.length - 1];
            je((F - Ee) / P, 3) * de >= .7 && S.push(F)
          } else S.push(F)
      }
      return S
    }
  }
  return [c, m, p]
}
var [o_, a_, i_] = Ed(1), [l_, s_, u_] = Ed(.001);
Xo(2, -53, 53, [1]);
function Qc(e, t) { return e.map(n => n.map((o, i) => i == 0 || i == 8 || o == null ? o : t(i == 1 || n[8] == 0 ? o : n[1] + o))) }
function Zc(e, t) {
  return (n, o, i, l, s) => {
    let d = t.find(v => s >= v[0]) || t[t.length - 1], c, m, p, b, y, _;
    return o.map(v => {
      let x = e(v), P = x.getFullYear(), $ = x.getMonth(), S = x.getDate(), D = x.getHours(), T = x.getMinutes(), C = x.getSeconds(),
          A = P != c && d[2] || $ != m && d[3] || S != p && d[4] || D != b && d[5] || T != y && d[6] || C != _ && d[7] || d[1];
      return c = P, m = $, p = S, b = D, y = T, _ = C, A(x)
    })
  }
}
function c_(e, t) {
  let n = Vl(t);
  return (o, i, l, s, d) => i.map(c => n(e(c)))
}
function Tl(e, t, n) { return new Date(e, t, n) }
function Xc(e, t) { return t(e) }
var d_ = '{YYYY}-{MM}-{DD} {h}:{mm}{aa}';
function ed(e, t) { return (n, o, i, l) => l == null ? Hl : t(e(o)) }
function m_(e, t) {
  let n = e.series[t];
  return n.width ? n.stroke(e, t) : n.points.width ? n.points.stroke(e, t) : null
}
function f_(e, t) { return e.series[t].fill(e, t) }
var p_ = {
  show: !0,
  live: !0,
  isolate: !1,
  mount: Eg,
  markers: {show: !0, width: 2, stroke: m_, fill: f_, dash: 'solid'},
  idx: null,
  idxs: null,
  values: []
};
function g_(e, t) {
  let n = e.cursor.points, o = un(), i = n.size(e, t);
  Qe(o, Ko, i), Qe(o, Yo, i);
  let l = i / -2;
  Qe(o, 'marginLeft', l), Qe(o, 'marginTop', l);
  let s = n.width(e, t, i);
  return s && Qe(o, 'borderWidth', s), o
}
function __(e, t) {
  let n = e.series[t].points;
  return n._fill || n._stroke
}
function h_(e, t) {
  let n = e.series[t].points;
  return n._stroke || n._fill
}
function b_(e, t) { return e.series[t].points.size }
var Cl = [0, 0];
function y_(e, t, n) { return Cl[0] = t, Cl[1] = n, Cl }
function Ya(e, t, n, o = !0) {
  return i => {
    i.button == 0 && (!o || i.target == t) && n(i)
  }
}
function Pl(e, t, n, o = !0) {
  return i => {
    (!o || i.target == t) && n(i)
  }
}
var w_ = {
  show: !0,
  x: !0,
  y: !0,
  lock: !1,
  move: y_,
  points: {one: !1, show: g_, size: b_, width: 0, stroke: h_, fill: __},
  bind: {mousedown: Ya, mouseup: Ya, click: Ya, dblclick: Ya, mousemove: Pl, mouseleave: Pl, mouseenter: Pl},
  drag: {setScale: !0, x: !0, y: !1, dist: 0, uni: null, click: (e, t) => {t.stopPropagation(), t.stopImmediatePropagation()}, _x: !1, _y: !1},
  focus: {dist: (e, t, n, o, i) => o - i, prox: -1, bias: 0},
  hover: {skip: [void 0], prox: null, bias: 0},
  left: -10,
  top: -10,
  idx: null,
  dataIdx: null,
  idxs: null,
  event: null
},
    Od = {show: !0, stroke: 'rgba(0,0,0,0.07)', width: 2}, ql = mt({}, Od, {filter: wd}), Fd = mt({}, ql, {size: 10}), $d = mt({}, Od, {show: !1}),
    Kl =
        '12px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, "Noto Sans", sans-serif, "Apple Color Emoji", "Segoe UI Emoji", "Segoe UI Symbol", "Noto Color Emoji"',
    Rd = 'bold ' + Kl, Id = 1.5, td = {
      show: !0,
      scale: 'x',
      stroke: Il,
      space: 50,
      gap: 5,
      alignTo: 1,
      size: 50,
      labelGap: 0,
      labelSize: 30,
      labelFont: Rd,
      side: 2,
      grid: ql,
      ticks: Fd,
      border: $d,
      font: Kl,
      lineGap: Id,
      rotate: 0
    },
    v_ = 'Value', k_ = 'Time', nd = {show: !0, scale: 'x', auto: !1, sorted: 1, min: Ue, max: -Ue, idxs: []};
function x_(e, t, n, o, i) { return t.map(l => l == null ? '' : Ul(l)) }
function S_(e, t, n, o, i, l, s) {
  let d = [], c = ur.get(i) || 0;
  n = s ? n : je(ni(n, i), c);
  for (let m = n; m <= o; m = je(m + i, c)) d.push(Object.is(m, -0) ? 0 : m);
  return d
}
function El(e, t, n, o, i, l, s) {
  let d = [], c = e.scales[e.axes[t].scale].log, m = c == 10 ? qn : hd, p = Xt(m(n));
  i = uo(c, p), c == 10 && (i = Tr[yn(i, Tr)]);
  let b = n, y = i * c;
  c == 10 && (y = Tr[yn(y, Tr)]);
  do d.push(b), b = b + i, c == 10 && !ur.has(b) && (b = je(b, ur.get(i))), b >= y && (i = b, y = i * c, c == 10 && (y = Tr[yn(y, Tr)]));
  while (b <= o);
  return d
}
function T_(e, t, n, o, i, l, s) {
  let c = e.scales[e.axes[t].scale].asinh, m = o > c ? El(e, t, zt(c, n), o, i) : [c], p = o >= 0 && n <= 0 ? [0] : [];
  return (n < -c ? El(e, t, zt(c, -o), -n, i) : [c]).reverse().map(y => -y).concat(p, m)
}
var Hd = /./, C_ = /[12357]/, P_ = /[125]/, rd = /1/,
    Ol = (e, t, n, o) => e.map((i, l) => t == 4 && i == 0 || l % o == 0 && n.test(i.toExponential()[i < 0 ? 1 : 0]) ? i : null);
function N_(e, t, n, o, i) {
  let l = e.axes[n], s = l.scale, d = e.scales[s], c = e.valToPos, m = l._space, p = c(10, s),
      b = c(9, s) - p >= m ? Hd :
      c(7, s) - p >= m     ? C_ :
      c(5, s) - p >= m     ? P_ :
                             rd;
  if (b == rd) {
    let y = wt(c(1, s) - p);
    if (y < m) return Ol(t.slice().reverse(), d.distr, b, cn(m / y)).reverse()
  }
  return Ol(t, d.distr, b, 1)
}
function M_(e, t, n, o, i) {
  let l = e.axes[n], s = l.scale, d = l._space, c = e.valToPos, m = wt(c(1, s) - c(2, s));
  return m < d ? Ol(t.slice().reverse(), 3, Hd, cn(d / m)).reverse() : t
}
function A_(e, t, n, o) { return o == null ? Hl : t == null ? '' : Ul(t) }
var od = {
  show: !0,
  scale: 'y',
  stroke: Il,
  space: 30,
  gap: 5,
  alignTo: 1,
  size: 50,
  labelGap: 0,
  labelSize: 30,
  labelFont: Rd,
  side: 3,
  grid: ql,
  ticks: Fd,
  border: $d,
  font: Kl,
  lineGap: Id,
  rotate: 0
};
function L_(e, t) {
  let n = 3 + (e || 1) * 2;
  return je(n * t, 3)
}
function D_(e, t) {
  let {scale: n, idxs: o} = e.series[0], i = e._data[0], l = e.valToPos(i[o[0]], n, !0), s = e.valToPos(i[o[1]], n, !0), d = wt(s - l),
                       c = e.series[t], m = d / (c.points.space * Pe);
  return o[1] - o[0] <= m
}
var ad = {scale: null, auto: !0, sorted: 0, min: Ue, max: -Ue}, Wd = (e, t, n, o, i) => i,
    id = {show: !0, auto: !0, sorted: 0, gaps: Wd, alpha: 1, facets: [mt({}, ad, {scale: 'x'}), mt({}, ad, {scale: 'y'})]}, ld = {
      scale: 'y',
      auto: !0,
      sorted: 0,
      show: !0,
      spanGaps: !1,
      gaps: Wd,
      alpha: 1,
      points: {show: D_, filter: null},
      values: null,
      min: Ue,
      max: -Ue,
      idxs: [],
      path: null,
      clip: null
    };
function E_(e, t, n, o, i) { return n / 10 }
var Bd = {time: !0, auto: !0, distr: 1, log: 10, asinh: 1, min: null, max: null, dir: 1, ori: 0}, O_ = mt({}, Bd, {time: !1, ori: 1}), sd = {};
function zd(e, t) {
  let n = sd[e];
  return n ||
             (n = {
               key: e,
               plots: [],
               sub(o) { n.plots.push(o) },
               unsub(o) { n.plots = n.plots.filter(i => i != o) },
               pub(o, i, l, s, d, c, m) {
                 for (let p = 0; p < n.plots.length; p++) n.plots[p] != i && n.plots[p].pub(o, i, l, s, d, c, m)
               }
             },
              e != null && (sd[e] = n)),
         n
}
var fo = 1, Fl = 2;
function Mr(e, t, n) {
  let o = e.mode, i = e.series[t], l = o == 2 ? e._data[t] : e._data, s = e.scales, d = e.bbox, c = l[0], m = o == 2 ? l[1] : l[t],
      p = o == 2 ? s[i.facets[0].scale] : s[e.series[0].scale], b = o == 2 ? s[i.facets[1].scale] : s[i.scale], y = d.left, _ = d.top, v = d.width,
      x = d.height, P = e.valToPosH, $ = e.valToPosV;
  return p.ori == 0 ? n(i, c, m, p, b, P, $, y, _, v, x, ai, go, li, jd, Gd) : n(i, c, m, p, b, $, P, _, y, x, v, ii, _o, Ql, Vd, qd)
}
function Yl(e, t) {
  let n = 0, o = 0, i = Te(e.bands, jl);
  for (let l = 0; l < i.length; l++) {
    let s = i[l];
    s.series[0] == t ? n = s.dir : s.series[1] == t && (s.dir == 1 ? o |= 1 : o |= 2)
  }
  return [n, o == 1 ? -1 : o == 2 ? 1 : o == 3 ? 2 : 0]
}
function F_(e, t, n, o, i) {
  let l = e.mode, s = e.series[t], d = l == 2 ? s.facets[1].scale : s.scale, c = e.scales[d];
  return i == -1 ? c.min : i == 1 ? c.max : c.distr == 3 ? c.dir == 1 ? c.min : c.max : 0
}
function Kn(e, t, n, o, i, l) {
  return Mr(e, t, (s, d, c, m, p, b, y, _, v, x, P) => {
    let $ = s.pxRound, S = m.dir * (m.ori == 0 ? 1 : -1), D = m.ori == 0 ? go : _o, T, C;
    S == 1 ? (T = n, C = o) : (T = o, C = n);
    let A = $(b(d[T], m, x, _)), G = $(y(c[T], p, P, v)), q = $(b(d[C], m, x, _)), X = $(y(l == 1 ? p.max : p.min, p, P, v)), B = new Path2D(i);
    return D(B, q, X), D(B, A, X), D(B, A, G), B
  })
}
function oi(e, t, n, o, i, l) {
  let s = null;
  if (e.length > 0) {
    s = new Path2D;
    let d = t == 0 ? li : Ql, c = n;
    for (let b = 0; b < e.length; b++) {
      let y = e[b];
      if (y[1] > y[0]) {
        let _ = y[0] - c;
        _ > 0 && d(s, c, o, _, o + l), c = y[1]
      }
    }
    let m = n + i - c, p = 10;
    m > 0 && d(s, c, o - p / 2, m, o + l + p)
  }
  return s
}
function $_(e, t, n) {
  let o = e[e.length - 1];
  o && o[0] == t ? o[1] = n : e.push([t, n])
}
function Jl(e, t, n, o, i, l, s) {
  let d = [], c = e.length;
  for (let m = i == 1 ? n : o; m >= n && m <= o; m += i)
    if (t[m] === null) {
      let b = m, y = m;
      if (i == 1)
        for (; ++m <= o && t[m] === null;) y = m;
      else
        for (; --m >= n && t[m] === null;) y = m;
      let _ = l(e[b]), v = y == b ? _ : l(e[y]), x = b - i;
      _ = s <= 0 && x >= 0 && x < c ? l(e[x]) : _;
      let $ = y + i;
      v = s >= 0 && $ >= 0 && $ < c ? l(e[$]) : v, v >= _ && d.push([_, v])
    }
  return d
}
function ud(e) { return e == 0 ? yd : e == 1 ? yt : t => Sr(t, e) }
function Ud(e) {
  let t = e == 0 ? ai : ii, n = e == 0 ? (i, l, s, d, c, m) => {
    i.arcTo(l, s, d, c, m)
  } : (i, l, s, d, c, m) => {
    i.arcTo(s, l, c, d, m)
  }, o = e == 0 ? (i, l, s, d, c) => {
    i.rect(l, s, d, c)
  } : (i, l, s, d, c) => {
    i.rect(s, l, c, d)
  };
  return (i, l, s, d, c, m = 0, p = 0) => {
    m == 0 && p == 0 ? o(i, l, s, d, c) :
                       (m = wn(m, d / 2, c / 2), p = wn(p, d / 2, c / 2), t(i, l + m, s), n(i, l + d, s, l + d, s + c, m),
                        n(i, l + d, s + c, l, s + c, p), n(i, l, s + c, l, s, p), n(i, l, s, l + d, s, m), i.closePath())
  }
}
var ai = (e, t, n) => {
  e.moveTo(t, n)
}, ii = (e, t, n) => {
  e.moveTo(n, t)
}, go = (e, t, n) => {
  e.lineTo(t, n)
}, _o = (e, t, n) => {
  e.lineTo(n, t)
}, li = Ud(0), Ql = Ud(1), jd = (e, t, n, o, i, l) => {
  e.arc(t, n, o, i, l)
}, Vd = (e, t, n, o, i, l) => {
  e.arc(n, t, o, i, l)
}, Gd = (e, t, n, o, i, l, s) => {
  e.bezierCurveTo(t, n, o, i, l, s)
}, qd = (e, t, n, o, i, l, s) => {
  e.bezierCurveTo(n, t, i, o, s, l)
};
function Kd(e) {
  return (t, n, o, i, l) => Mr(t, n, (s, d, c, m, p, b, y, _, v, x, P) => {
           let {pxRound: $, points: S} = s, D, T;
           m.ori == 0 ? (D = ai, T = jd) : (D = ii, T = Vd);
           let C = je(S.width * Pe, 3), A = (S.size - S.width) / 2 * Pe, G = je(A * 2, 3), q = new Path2D, X = new Path2D,
               {left: B, top: F, width: Y, height: W} = t.bbox;
           li(X, B - G, F - G, Y + G * 2, W + G * 2);
           let ie = J => {
             if (c[J] != null) {
               let de = $(b(d[J], m, x, _)), K = $(y(c[J], p, P, v));
               D(q, de + A, K), T(q, de, K, A, 0, Ja * 2)
             }
           };
           if (l) l.forEach(ie);
           else
             for (let J = o; J <= i; J++) ie(J);
           return { stroke: C > 0 ? q : null, fill: q, clip: X, flags: fo|Fl }
         })
}
function Yd(e) {
  return (t, n, o, i, l, s) => {
    o != i && (l != o && s != o && e(t, n, o), l != i && s != i && e(t, n, i), e(t, n, s))
  }
}
var R_ = Yd(go), I_ = Yd(_o);
function Jd(e) {
  let t = Te(e?.alignGaps, 0);
  return (n, o, i, l) => Mr(n, o, (s, d, c, m, p, b, y, _, v, x, P) => {
           [i, l] = ei(c, i, l);
           let $ = s.pxRound, S = W => $(b(W, m, x, _)), D = W => $(y(W, p, P, v)), T, C;
           m.ori == 0 ? (T = go, C = R_) : (T = _o, C = I_);
           let A = m.dir * (m.ori == 0 ? 1 : -1), G = {stroke: new Path2D, fill: null, clip: null, band: null, gaps: null, flags: fo}, q = G.stroke,
               X = !1;
           if (l - i >= x * 4) {
             let W = Q => n.posToVal(Q, m.key, !0), ie = null, J = null, de, K, Et, De = S(d[A == 1 ? i : l]), ke = S(d[i]), Ee = S(d[l]),
                 fe = W(A == 1 ? ke + 1 : Ee - 1);
             for (let Q = A == 1 ? i : l; Q >= i && Q <= l; Q += A) {
               let ft = d[Q], Ze = (A == 1 ? ft < fe : ft > fe) ? De : S(ft), Ne = c[Q];
               Ze == De ? Ne != null ? (K = Ne,
                                        ie == null ? (T(q, Ze, D(K)), de = ie = J = K) :
                                            K < ie ? ie = K :
                                                     K > J && (J = K)) :
                                       Ne === null && (X = !0) :
                          (ie != null && C(q, De, D(ie), D(J), D(de), D(K)),
                           Ne != null ? (K = Ne, T(q, Ze, D(K)), ie = J = de = K) : (ie = J = null, Ne === null && (X = !0)), De = Ze, fe = W(De + A))
             }
             ie != null && ie != J && Et != De && C(q, De, D(ie), D(J), D(de), D(K))
           } else
             for (let W = A == 1 ? i : l; W >= i && W <= l; W += A) {
               let ie = c[W];
               ie === null ? X = !0 : ie != null && T(q, S(d[W]), D(ie))
             }
           let [F, Y] = Yl(n, o);
           if (s.fill != null || F != 0) {
             let W = G.fill = new Path2D(q), ie = s.fillTo(n, o, s.min, s.max, F), J = D(ie), de = S(d[i]), K = S(d[l]);
             A == -1 && ([K, de] = [de, K]), T(W, K, J), T(W, de, J)
           }
           if (!s.spanGaps) {
             let W = [];
             X && W.push(...Jl(d, c, i, l, A, S, t)), G.gaps = W = s.gaps(n, o, i, l, W), G.clip = oi(W, m.ori, _, v, x, P)
           }
           return Y != 0 && (G.band = Y == 2 ? [Kn(n, o, i, l, q, -1), Kn(n, o, i, l, q, 1)] : Kn(n, o, i, l, q, Y)), G
         })
}
function H_(e) {
  let t = Te(e.align, 1), n = Te(e.ascDesc, !1), o = Te(e.alignGaps, 0), i = Te(e.extend, !1);
  return (l, s, d, c) => Mr(l, s, (m, p, b, y, _, v, x, P, $, S, D) => {
           [d, c] = ei(b, d, c);
           let T = m.pxRound, {left: C, width: A} = l.bbox, G = ke => T(v(ke, y, S, P)), q = ke => T(x(ke, _, D, $)), X = y.ori == 0 ? go : _o,
               B = {stroke: new Path2D, fill: null, clip: null, band: null, gaps: null, flags: fo}, F = B.stroke, Y = y.dir * (y.ori == 0 ? 1 : -1),
               W = q(b[Y == 1 ? d : c]), ie = G(p[Y == 1 ? d : c]), J = ie, de = ie;
           i && t == -1 && (de = C, X(F, de, W)), X(F, ie, W);
           for (let ke = Y == 1 ? d : c; ke >= d && ke <= c; ke += Y) {
             let Ee = b[ke];
             if (Ee == null) continue;
             let fe = G(p[ke]), Q = q(Ee);
             t == 1 ? X(F, fe, W) : X(F, J, Q), X(F, fe, Q), W = Q, J = fe
           }
           let K = J;
           i && t == 1 && (K = C + A, X(F, K, W));
           let [Et, De] = Yl(l, s);
           if (m.fill != null || Et != 0) {
             let ke = B.fill = new Path2D(F), Ee = m.fillTo(l, s, m.min, m.max, Et), fe = q(Ee);
             X(ke, K, fe), X(ke, de, fe)
           }
           if (!m.spanGaps) {
             let ke = [];
             ke.push(...Jl(p, b, d, c, Y, G, o));
             let Ee = m.width * Pe / 2, fe = n || t == 1 ? Ee : -Ee, Q = n || t == -1 ? -Ee : Ee;
             ke.forEach(ft => {ft[0] += fe, ft[1] += Q}), B.gaps = ke = m.gaps(l, s, d, c, ke), B.clip = oi(ke, y.ori, P, $, S, D)
           }
           return De != 0 && (B.band = De == 2 ? [Kn(l, s, d, c, F, -1), Kn(l, s, d, c, F, 1)] : Kn(l, s, d, c, F, De)), B
         })
}
function cd(e, t, n, o, i, l, s = Ue) {
  if (e.length > 1) {
    let d = null;
    for (let c = 0, m = 1 / 0; c < e.length; c++)
      if (t[c] !== void 0) {
        if (d != null) {
          let p = wt(e[c] - e[d]);
          p < m && (m = p, s = wt(n(e[c], o, i, l) - n(e[d], o, i, l)))
        }
        d = c
      }
  }
  return s
}
function W_(e) {
  e = e || Zo;
  let t = Te(e.size, [.6, Ue, 1]), n = e.align || 0, o = e.gap || 0, i = e.radius;
  i = i == null ? [0, 0] : typeof i == 'number' ? [i, 0] : i;
  let l = we(i), s = 1 - t[0], d = Te(t[1], Ue), c = Te(t[2], 1), m = Te(e.disp, Zo), p = Te(e.each, _ => {}), {fill: b, stroke: y} = m;
  return (_, v, x, P) => Mr(_, v, ($, S, D, T, C, A, G, q, X, B, F) => {
           let Y = $.pxRound, W = n, ie = o * Pe, J = d * Pe, de = c * Pe, K, Et;
           T.ori == 0 ? [K, Et] = l(_, v) : [Et, K] = l(_, v);
           let De = T.dir * (T.ori == 0 ? 1 : -1), ke = T.ori == 0 ? li : Ql,
               Ee = T.ori == 0 ? p :
                                 (j, Ve, pt, Or, mr, xn, fr) => {
                                   p(j, Ve, pt, mr, Or, fr, xn)
                                 },
               fe = Te(_.bands, jl).find(j => j.series[0] == v), Q = fe != null ? fe.dir : 0, ft = $.fillTo(_, v, $.min, $.max, Q),
               $t = Y(G(ft, C, F, X)), Ze, Ne, dn, qt = B, rt = Y($.width * Pe), kn = !1, In = null, tn = null, Yn = null, Lr = null;
           b != null && (rt == 0 || y != null) &&
               (kn = !0, In = b.values(_, v, x, P), tn = new Map, new Set(In).forEach(j => {j != null && tn.set(j, new Path2D)}),
                rt > 0 && (Yn = y.values(_, v, x, P), Lr = new Map, new Set(Yn).forEach(j => {j != null && Lr.set(j, new Path2D)})));
           let {x0: Dr, size: bo} = m;
           if (Dr != null && bo != null) {
             W = 1, S = Dr.values(_, v, x, P), Dr.unit == 2 && (S = S.map(pt => _.posToVal(q + pt * B, T.key, !0)));
             let j = bo.values(_, v, x, P);
             bo.unit == 2 ? Ne = j[0]* B : Ne = A(j[0], T, B, q) - A(0, T, B, q), qt = cd(S, D, A, T, B, q, qt), dn = qt - Ne + ie
           } else qt = cd(S, D, A, T, B, q, qt), dn = qt * s + ie, Ne = qt - dn;
           dn < 1 && (dn = 0), rt >= Ne / 2 && (rt = 0), dn < 5 && (Y = yd);
           let ea = dn > 0, cr = qt - dn - (ea ? rt : 0);
           Ne = Y(Dl(cr, de, J)), Ze = (W == 0 ? Ne / 2 : W == De ? 0 : Ne) - W * De * ((W == 0 ? ie / 2 : 0) + (ea ? rt / 2 : 0));
           let Rt = {stroke: null, fill: null, clip: null, band: null, gaps: null, flags: 0}, Er = kn ? null : new Path2D, Hn = null;
           if (fe != null) Hn = _.data[fe.series[1]];
           else {
             let {y0: j, y1: Ve} = m;
             j != null && Ve != null && (D = Ve.values(_, v, x, P), Hn = j.values(_, v, x, P))
           }
           let dr = K * Ne, ue = Et * Ne;
           for (let j = De == 1 ? x : P; j >= x && j <= P; j += De) {
             let Ve = D[j];
             if (Ve == null) continue;
             if (Hn != null) {
               let Ut = Hn[j] ?? 0;
               if (Ve - Ut == 0) continue;
               $t = G(Ut, C, F, X)
             }
             let pt = T.distr != 2 || m != null ? S[j] : j, Or = A(pt, T, B, q), mr = G(Te(Ve, ft), C, F, X), xn = Y(Or - Ze), fr = Y(zt(mr, $t)),
                 Kt = Y(wn(mr, $t)), nn = fr - Kt;
             if (Ve != null) {
               let Ut = Ve < 0 ? ue : dr, mn = Ve < 0 ? dr : ue;
               kn ? (rt > 0 && Yn[j] != null && ke(Lr.get(Yn[j]), xn, Kt + Xt(rt / 2), Ne, zt(0, nn - rt), Ut, mn),
                     In[j] != null && ke(tn.get(In[j]), xn, Kt + Xt(rt / 2), Ne, zt(0, nn - rt), Ut, mn)) :
                    ke(Er, xn, Kt + Xt(rt / 2), Ne, zt(0, nn - rt), Ut, mn),
                   Ee(_, v, j, xn - rt / 2, Kt, Ne + rt, nn)
             }
           }
           return rt > 0 ? Rt.stroke = kn ? Lr : Er : kn || (Rt._fill = $.width == 0 ? $._fill : $._stroke ?? $._fill, Rt.width = 0),
                           Rt.fill = kn ? tn : Er, Rt
         })
}
function B_(e, t) {
  let n = Te(t?.alignGaps, 0);
  return (o, i, l, s) => Mr(o, i, (d, c, m, p, b, y, _, v, x, P, $) => {
           [l, s] = ei(m, l, s);
           let S = d.pxRound, D = K => S(y(K, p, P, v)), T = K => S(_(K, b, $, x)), C, A, G;
           p.ori == 0 ? (C = ai, G = go, A = Gd) : (C = ii, G = _o, A = qd);
           let q = p.dir * (p.ori == 0 ? 1 : -1), X = D(c[q == 1 ? l : s]), B = X, F = [], Y = [];
           for (let K = q == 1 ? l : s; K >= l && K <= s; K += q)
             if (m[K] != null) {
               let De = c[K], ke = D(De);
               F.push(B = ke), Y.push(T(m[K]))
             }
           let W = {stroke: e(F, Y, C, G, A, S), fill: null, clip: null, band: null, gaps: null, flags: fo}, ie = W.stroke, [J, de] = Yl(o, i);
           if (d.fill != null || J != 0) {
             let K = W.fill = new Path2D(ie), Et = d.fillTo(o, i, d.min, d.max, J), De = T(Et);
             G(K, B, De), G(K, X, De)
           }
           if (!d.spanGaps) {
             let K = [];
             K.push(...Jl(c, m, l, s, q, D, n)), W.gaps = K = d.gaps(o, i, l, s, K), W.clip = oi(K, p.ori, v, x, P, $)
           }
           return de != 0 && (W.band = de == 2 ? [Kn(o, i, l, s, ie, -1), Kn(o, i, l, s, ie, 1)] : Kn(o, i, l, s, ie, de)), W
         })
}
function z_(e) { return B_(U_, e) }
function U_(e, t, n, o, i, l) {
  let s = e.length;
  if (s < 2) return null;
  let d = new Path2D;
  if (n(d, e[0], t[0]), s == 2) o(d, e[1], t[1]);
  else {
    let c = Array(s), m = Array(s - 1), p = Array(s - 1), b = Array(s - 1);
    for (let y = 0; y < s - 1; y++) p[y] = t[y + 1] - t[y], b[y] = e[y + 1] - e[y], m[y] = p[y] / b[y];
    c[0] = m[0];
    for (let y = 1; y < s - 1; y++)
      m[y] === 0 || m[y - 1] === 0 || m[y - 1] > 0 != m[y] > 0 ?
          c[y] = 0 :
          (c[y] = 3 * (b[y - 1] + b[y]) / ((2 * b[y] + b[y - 1]) / m[y - 1] + (b[y] + 2 * b[y - 1]) / m[y]), isFinite(c[y]) || (c[y] = 0));
    c[s - 1] = m[s - 2];
    for (let y = 0; y < s - 1; y++)
      i(d, e[y] + b[y] / 3, t[y] + c[y] * b[y] / 3, e[y + 1] - b[y] / 3, t[y + 1] - c[y + 1] * b[y] / 3, e[y + 1], t[y + 1])
  }
  return d
}
var $l = new Set;
function dd() {
  for (let e of $l) e.syncRect(!0)
}
po && (Pr(xg, so, dd), Pr(Sg, so, dd, !0), Pr(Qa, so, () => {Nt.pxRatio = Pe}));
var j_ = Jd(), V_ = Kd();
function md(e, t, n, o) { return (o ? [e[0], e[1]].concat(e.slice(2)) : [e[0]].concat(e.slice(1))).map((l, s) => Rl(l, s, t, n)) }
function G_(e, t) { return e.map((n, o) => o == 0 ? {} : mt({}, t, n)) }
function Rl(e, t, n, o) { return mt({}, t == 0 ? n : o, e) }
function Qd(e, t, n) { return t == null ? co : [t, n] }
var q_ = Qd;
function K_(e, t, n) { return t == null ? co : Za(t, n, zl, !0) }
function Zd(e, t, n, o) { return t == null ? co : ti(t, n, e.scales[o].log, !1) }
var Y_ = Zd;
function Xd(e, t, n, o) { return t == null ? co : Bl(t, n, e.scales[o].log, !1) }
var J_ = Xd;
function Q_(e, t, n, o, i) {
  let l = zt(jc(e), jc(t)), s = t - e, d = yn(i / o * s, n);
  do {
    let c = n[d], m = o * c / s;
    if (m >= i && l + (c < 5 ? ur.get(c) : 0) <= 17) return [c, m]
  } while (++d < n.length);
  return [0, 0]
}
function fd(e) {
  let t, n;
  return e = e.replace(/(\d+)px/, (o, i) => (t = yt((n = +i) * Pe)) + 'px'), [e, t, n]
}
function Z_(e) {
  e.show && [e.font, e.labelFont].forEach(t => {
    let n = je(t[2] * Pe, 1);
    t[0] = t[0].replace(/[0-9.]+px/, n + 'px'), t[1] = n
  })
}
function Nt(e, t, n) {
  let o = {mode: Te(e.mode, 1)}, i = o.mode;
  function l(u, f, g, h) {
    let w = f.valToPct(u);
    return h + g * (f.dir == -1 ? 1 - w : w)
  }
  function s(u, f, g, h) {
    let w = f.valToPct(u);
    return h + g * (f.dir == -1 ? w : 1 - w)
  }
  function d(u, f, g, h) { return f.ori == 0 ? l(u, f, g, h) : s(u, f, g, h) }
  o.valToPosH = l, o.valToPosV = s;
  let c = !1;
  o.status = 0;
  let m = o.root = un(ag);
  if (e.id != null && (m.id = e.id), Zt(m, e.class), e.title) {
    let u = un(sg, m);
    u.textContent = e.title
  }
  let p = bn('canvas'), b = o.ctx = p.getContext('2d'), y = un(ug, m);
  Pr('click', y, u => {u.target === v && (qe != Vr || Xe != Gr) && At.click(o, u)}, !0);
  let _ = o.under = un(cg, y);
  y.appendChild(p);
  let v = o.over = un(dg, y);
  e = mo(e);
  let x = +Te(e.pxAlign, 1), P = ud(x);
  (e.plugins || []).forEach(u => {u.opts && (e = u.opts(o, e) || e)});
  let $ = e.ms || .001, S = o.series = i == 1 ? md(e.series || [], nd, ld, !1) : G_(e.series || [null], id),
      D = o.axes = md(e.axes || [], td, od, !0), T = o.scales = {}, C = o.bands = e.bands || [];
  C.forEach(u => {u.fill = we(u.fill || null), u.dir = Te(u.dir, -1)});
  let A = i == 2 ? S[1].facets[0].scale : S[0].scale, G = {axes: qm, series: zm}, q = (e.drawOrder || ['axes', 'series']).map(u => G[u]);
  function X(u) {
    let f = u.distr == 3 ? g => qn(g > 0 ? g : u.clamp(o, g, u.min, u.max, u.key)) :
        u.distr == 4     ? g => Sl(g, u.asinh) :
        u.distr == 100   ? g => u.fwd(g) :
                           g => g;
    return g => {
      let h = f(g), {_min: w, _max: k} = u, N = k - w;
      return (h - w) / N
    }
  }
  function B(u) {
    let f = T[u];
    if (f == null) {
      let g = (e.scales || Zo)[u] || Zo;
      if (g.from != null) {
        B(g.from);
        let h = mt({}, T[g.from], g, {key: u});
        h.valToPct = X(h), T[u] = h
      } else {
        f = T[u] = mt({}, u == A ? Bd : O_, g), f.key = u;
        let h = f.time, w = f.range, k = sr(w);
        if ((u != A || i == 2 && !h) &&
            (k && (w[0] == null || w[1] == null) &&
                 (w = {min: w[0] == null ? Bc : {mode: 1, hard: w[0], soft: w[0]}, max: w[1] == null ? Bc : {mode: 1, hard: w[1], soft: w[1]}},
                  k = !1),
             !k && ri(w))) {
          let N = w;
          w = (E, R, z) => R == null ? co : Za(R, z, N)
        }
        f.range =
            we(w ||
               (h                ? q_ :
                    u == A       ? f.distr == 3 ? Y_ :
                              f.distr == 4      ? J_ :
                                                  Qd :
                    f.distr == 3 ? Zd :
                    f.distr == 4 ? Xd :
                                   K_)),
        f.auto = we(k ? !1 : f.auto), f.clamp = we(f.clamp || E_), f._min = f._max = null, f.valToPct = X(f)
      }
    }
  }
  B('x'), B('y'), i == 1 && S.forEach(u => {B(u.scale)}), D.forEach(u => {B(u.scale)});
  for (let u in e.scales) B(u);
  let F = T[A], Y = F.distr, W, ie;
  F.ori == 0 ? (Zt(m, ig), W = l, ie = s) : (Zt(m, lg), W = s, ie = l);
  let J = {};
  for (let u in T) {
    let f = T[u];
    (f.min != null || f.max != null) && (J[u] = {min: f.min, max: f.max}, f.min = f.max = null)
  }
  let de = e.tzDate || (u => new Date(yt(u / $))), K = e.fmtDate || Vl, Et = $ == 1 ? i_(de) : u_(de), De = Zc(de, Qc($ == 1 ? a_ : s_, K)),
      ke = ed(de, Xc(d_, K)), Ee = [], fe = o.legend = mt({}, p_, e.legend), Q = o.cursor = mt({}, w_, {drag: {y: i == 2}}, e.cursor), ft = fe.show,
      $t = Q.show, Ze = fe.markers;
  fe.idxs = Ee, Ze.width = we(Ze.width), Ze.dash = we(Ze.dash), Ze.stroke = we(Ze.stroke), Ze.fill = we(Ze.fill);
  let Ne, dn, qt, rt = [], kn = [], In, tn = !1, Yn = {};
  if (fe.live) {
    let u = S[1] ? S[1].values : null;
    tn = u != null, In = tn ? u(o, 1, 0) : {_: 0};
    for (let f in In) Yn[f] = Hl
  }
  if (ft)
    if (Ne = bn('table', hg, m), qt = bn('tbody', null, Ne), fe.mount(o, Ne), tn) {
      dn = bn('thead', null, Ne, qt);
      let u = bn('tr', null, dn);
      bn('th', null, u);
      for (var Lr in In) bn('th', Nc, u).textContent = Lr
    } else Zt(Ne, yg), fe.live && Zt(Ne, bg);
  let Dr = {show: !0}, bo = {show: !1};
  function ea(u, f) {
    if (f == 0 && (tn || !fe.live || i == 2)) return co;
    let g = [], h = bn('tr', wg, qt, qt.childNodes[f]);
    Zt(h, u.class), u.show || Zt(h, Cr);
    let w = bn('th', null, h);
    if (Ze.show) {
      let E = un(vg, w);
      if (f > 0) {
        let R = Ze.width(o, f);
        R && (E.style.border = R + 'px ' + Ze.dash(o, f) + ' ' + Ze.stroke(o, f)), E.style.background = Ze.fill(o, f)
      }
    }
    let k = un(Nc, w);
    u.label instanceof HTMLElement ? k.appendChild(u.label) :
                                     k.textContent = u.label,
                                     f > 0 && (Ze.show || (k.style.color = u.width > 0 ? Ze.stroke(o, f) : Ze.fill(o, f)), Rt('click', w, E => {
                                                 if (Q._lock) return;
                                                 gr(E);
                                                 let R = S.indexOf(u);
                                                 if ((E.ctrlKey || E.metaKey) != fe.isolate) {
                                                   let z = S.some((U, V) => V > 0 && V != R && U.show);
                                                   S.forEach((U, V) => {V > 0 && Tn(V, z ? V == R ? Dr : bo : Dr, !0, ct.setSeries)})
                                                 } else Tn(R, {show: !u.show}, !0, ct.setSeries)
                                               }, !1), $r && Rt(Dc, w, E => {Q._lock || (gr(E), Tn(S.indexOf(u), Kr, !0, ct.setSeries))}, !1));
    for (var N in In) {
      let E = bn('td', kg, h);
      E.textContent = '--', g.push(E)
    }
    return [h, g]
  }
  let cr = new Map;
  function Rt(u, f, g, h = !0) {
    let w = cr.get(f) || {}, k = Q.bind[u](o, f, g, h);
    k && (Pr(u, f, w[u] = k), cr.set(f, w))
  }
  function Er(u, f, g) {
    let h = cr.get(f) || {};
    for (let w in h) (u == null || w == u) && (Ll(w, f, h[w]), delete h[w]);
    u == null && cr.delete(f)
  }
  let Hn = 0, dr = 0, ue = 0, j = 0, Ve = 0, pt = 0, Or = Ve, mr = pt, xn = ue, fr = j, Kt = 0, nn = 0, Ut = 0, mn = 0;
  o.bbox = {};
  let fi = !1, ta = !1, Fr = !1, pr = !1, na = !1, rn = !1;
  function pi(u, f, g) { (g || u != o.width || f != o.height) && as (u, f), Br(!1), Fr = !0, ta = !0, zr() }
  function as (u, f) {
    o.width = Hn = ue = u, o.height = dr = j = f, Ve = pt = 0, Fm(), $m();
    let g = o.bbox;
    Kt = g.left = Sr(Ve * Pe, .5), nn = g.top = Sr(pt * Pe, .5), Ut = g.width = Sr(ue * Pe, .5), mn = g.height = Sr(j * Pe, .5)
  }
  let Dm = 3;
  function Em() {
    let u = !1, f = 0;
    for (; !u;) {
      f++;
      let g = Vm(f), h = Gm(f);
      u = f == Dm || g && h, u || (as (o.width, o.height), ta = !0)
    }
  }
  function Om({width: u, height: f}) { pi(u, f) }
  o.setSize = Om;
  function Fm() {
    let u = !1, f = !1, g = !1, h = !1;
    D.forEach((w, k) => {
      if (w.show && w._show) {
        let {side: N, _size: E} = w, R = N % 2, z = w.label != null ? w.labelSize : 0, U = E + z;
        U > 0 && (R ? (ue -= U, N == 3 ? (Ve += U, h = !0) : g = !0) : (j -= U, N == 0 ? (pt += U, u = !0) : f = !0))
      }
    }),
        _r[0] = u, _r[1] = g, _r[2] = f, _r[3] = h, ue -= Jn[1] + Jn[3], Ve += Jn[3], j -= Jn[2] + Jn[0], pt += Jn[0]
  }
  function $m() {
    let u = Ve + ue, f = pt + j, g = Ve, h = pt;
    function w(k, N) {
      switch (k) {
        case 1:
          return u += N, u - N;
        case 2:
          return f += N, f - N;
        case 3:
          return g -= N, g + N;
        case 0:
          return h -= N, h + N
      }
    }
    D.forEach((k, N) => {
      if (k.show && k._show) {
        let E = k.side;
        k._pos = w(E, k._size), k.label != null && (k._lpos = w(E, k.labelSize))
      }
    })
  }
  if (Q.dataIdx == null) {
    let u = Q.hover, f = u.skip = new Set(u.skip ?? []);
    f.add(void 0);
    let g = u.prox = we(u.prox), h = u.bias ??= 0;
    Q.dataIdx = (w, k, N, E) => {
      if (k == 0) return N;
      let R = N, z = g(w, k, N, E) ?? Ue, U = z >= 0 && z < Ue, V = F.ori == 0 ? ue : j, le = Q.left, Ce = t[0], xe = t[k];
      if (f.has(xe[N])) {
        R = null;
        let ge = null, oe = null, Z;
        if (h == 0 || h == -1)
          for (Z = N; ge == null && Z-- > 0;) f.has(xe[Z]) || (ge = Z);
        if (h == 0 || h == 1)
          for (Z = N; oe == null && Z++ < xe.length;) f.has(xe[Z]) || (oe = Z);
        if (ge != null || oe != null)
          if (U) {
            let Ye = ge == null ? -1 / 0 : W(Ce[ge], F, V, 0), it = oe == null ? 1 / 0 : W(Ce[oe], F, V, 0), Ct = le - Ye, Oe = it - le;
            Ct <= Oe ? Ct <= z && (R = ge) : Oe <= z && (R = oe)
          } else R = oe == null ? ge : ge == null ? oe : N - ge <= oe - N ? ge : oe
      } else U && wt(le - W(Ce[N], F, V, 0)) > z && (R = null);
      return R
    }
  }
  let gr = u => {
    Q.event = u
  };
  Q.idxs = Ee, Q._lock = !1;
  let Ot = Q.points;
  Ot.show = we(Ot.show), Ot.size = we(Ot.size), Ot.stroke = we(Ot.stroke), Ot.width = we(Ot.width), Ot.fill = we(Ot.fill);
  let Sn = o.focus = mt({}, e.focus || {alpha: .3}, Q.focus), $r = Sn.prox >= 0, Rr = $r && Ot.one, on = [], Ir = [], Hr = [];
  function is(u, f) {
    let g = Ot.show(o, f);
    if (g instanceof HTMLElement) return Zt(g, _g), Zt(g, u.class), Rn(g, -10, -10, ue, j), v.insertBefore(g, on[f]), g
  }
  function ls(u, f) {
    if (i == 1 || f > 0) {
      let g = i == 1 && T[u.scale].time, h = u.value;
      u.value = g ? qc(h) ? ed(de, Xc(h, K)) : h || ke : h || A_, u.label = u.label || (g ? k_ : v_)
    }
    if (Rr || f > 0) {
      u.width = u.width == null ? 1 : u.width, u.paths = u.paths || j_ || Og, u.fillTo = we(u.fillTo || F_), u.pxAlign = +Te(u.pxAlign, x),
      u.pxRound = ud(u.pxAlign), u.stroke = we(u.stroke || null), u.fill = we(u.fill || null), u._stroke = u._fill = u._paths = u._focus = null;
      let g = L_(zt(1, u.width), 1),
          h = u.points = mt({}, {size: g, width: zt(1, g * .2), stroke: u.stroke, space: g * 2, paths: V_, _stroke: null, _fill: null}, u.points);
      h.show = we(h.show), h.filter = we(h.filter), h.fill = we(h.fill), h.stroke = we(h.stroke), h.paths = we(h.paths), h.pxAlign = u.pxAlign
    }
    if (ft) {
      let g = ea(u, f);
      rt.splice(f, 0, g[0]), kn.splice(f, 0, g[1]), fe.values.push(null)
    }
    if ($t) {
      Ee.splice(f, 0, null);
      let g = null;
      Rr ? f == 0 && (g = is(u, f)) : f > 0 && (g = is(u, f)), on.splice(f, 0, g), Ir.splice(f, 0, 0), Hr.splice(f, 0, 0)
    }
    Tt('addSeries', f)
  }
  function Rm(u, f) { f = f ?? S.length, u = i == 1 ? Rl(u, f, nd, ld) : Rl(u, f, {}, id), S.splice(f, 0, u), ls(S[f], f) }
  o.addSeries = Rm;
  function Im(u) {
    if (S.splice(u, 1), ft) {
      fe.values.splice(u, 1), kn.splice(u, 1);
      let f = rt.splice(u, 1)[0];
      Er(null, f.firstChild), f.remove()
    }
    $t && (Ee.splice(u, 1), on.splice(u, 1)[0].remove(), Ir.splice(u, 1), Hr.splice(u, 1)), Tt('delSeries', u)
  }
  o.delSeries = Im;
  let _r = [!1, !1, !1, !1];
  function Hm(u, f) {
    if (u._show = u.show, u.show) {
      let g = u.side % 2, h = T[u.scale];
      h == null && (u.scale = g ? S[1].scale : A, h = T[u.scale]);
      let w = h.time;
      u.size = we(u.size), u.space = we(u.space), u.rotate = we(u.rotate), sr(u.incrs) && u.incrs.forEach(N => {!ur.has(N) && ur.set(N, kd(N))}),
      u.incrs =
          we(u.incrs ||
             (h.distr == 2 ? n_ :
                  w        ? $ == 1 ? o_ : l_ :
                             Tr)),
      u.splits =
          we(u.splits ||
             (w && h.distr == 1 ? Et :
                  h.distr == 3  ? El :
                  h.distr == 4  ? T_ :
                                  S_)),
      u.stroke = we(u.stroke), u.grid.stroke = we(u.grid.stroke), u.ticks.stroke = we(u.ticks.stroke), u.border.stroke = we(u.border.stroke);
      let k = u.values;
      u.values = sr(k) && !sr(k[0]) ? we(k) :
          w                         ? sr(k) ? Zc(de, Qc(k, K)) :
                                      qc(k) ? c_(de, k) :
                                              k || De :
                                      k || x_,
      u.filter =
          we(u.filter ||
             (h.distr >= 3 && h.log == 10    ? N_ :
                  h.distr == 3 && h.log == 2 ? M_ :
                                               wd)),
      u.font = fd(u.font), u.labelFont = fd(u.labelFont), u._size = u.size(o, null, f, 0),
      u._space = u._rotate = u._incrs = u._found = u._splits = u._values = null, u._size > 0 && (_r[f] = !0, u._el = un(mg, y))
    }
  }
  function yo(u, f, g, h) {
    let [w, k, N, E] = g, R = f % 2, z = 0;
    return R == 0 && (E || k) && (z = f == 0 && !w || f == 2 && !N ? yt(td.size / 3) : 0),
           R == 1 && (w || N) && (z = f == 1 && !k || f == 3 && !E ? yt(od.size / 2) : 0), z
  }
  let ss = o.padding = (e.padding || [yo, yo, yo, yo]).map(u => we(Te(u, yo))), Jn = o._padding = ss.map((u, f) => u(o, f, _r, 0)), Mt, vt = null,
      kt = null, ra = i == 1 ? S[0].idxs : null, fn = null, wo = !1;
  function us(u, f) {
    if (t = u ?? [], o.data = o._data = t, i == 2) {
      Mt = 0;
      for (let g = 1; g < S.length; g++) Mt += t[g][0].length
    } else {
      t.length == 0 && (o.data = o._data = t = [[]]), fn = t[0], Mt = fn.length;
      let g = t;
      if (Y == 2) {
        g = t.slice();
        let h = g[0] = Array(Mt);
        for (let w = 0; w < Mt; w++) h[w] = w
      }
      o._data = t = g
    }
    if (Br(!0), Tt('setData'), Y == 2 && (Fr = !0), f !== !1) {
      let g = F;
      g.auto(o, wo) ? gi() : Zn(A, g.min, g.max), pr = pr || Q.left >= 0, rn = !0, zr()
    }
  }
  o.setData = us;
  function gi() {
    wo = !0;
    let u, f;
    i == 1 &&
        (Mt > 0 ? (vt = ra[0] = 0, kt = ra[1] = Mt - 1, u = t[0][vt], f = t[0][kt],
                   Y == 2 ? (u = vt, f = kt) :
                            u == f &&
                           (Y == 3     ? [u, f] = ti(u, u, F.log, !1) :
                                Y == 4 ? [u, f] = Bl(u, u, F.log, !1) :
                                F.time ? f = u + yt(86400 / $) :
                                         [u, f] = Za(u, f, zl, !0))) :
                  (vt = ra[0] = u = null, kt = ra[1] = f = null)),
        Zn(A, u, f)
  }
  let oa, Wr, _i, hi, bi, yi, wi, vi, ki, jt;
  function cs(u, f, g, h, w, k) {
    u ??= Ac, g ??= jl, h ??= 'butt', w ??= Ac, k ??= 'round', u != oa && (b.strokeStyle = oa = u), w != Wr && (b.fillStyle = Wr = w),
    f != _i && (b.lineWidth = _i = f), k != bi && (b.lineJoin = bi = k), h != yi && (b.lineCap = yi = h), g != hi && b.setLineDash(hi = g)
  }
  function ds(u, f, g, h) {
    f != Wr && (b.fillStyle = Wr = f), u != wi && (b.font = wi = u), g != vi && (b.textAlign = vi = g), h != ki && (b.textBaseline = ki = h)
  }
  function xi(u, f, g, h, w = 0) {
    if (h.length > 0 && u.auto(o, wo) && (f == null || f.min == null)) {
      let k = Te(vt, 0), N = Te(kt, h.length - 1), E = g.min == null ? Ng(h, k, N, w, u.distr == 3) : [g.min, g.max];
      u.min = wn(u.min, g.min = E[0]), u.max = zt(u.max, g.max = E[1])
    }
  }
  let ms = {min: null, max: null};
  function Wm() {
    for (let h in T) {
      let w = T[h];
      J[h] == null && (w.min == null || J[A] != null && w.auto(o, wo)) && (J[h] = ms)
    }
    for (let h in T) {
      let w = T[h];
      J[h] == null && w.from != null && J[w.from] != null && (J[h] = ms)
    }
    J[A] != null && Br(!0);
    let u = {};
    for (let h in J) {
      let w = J[h];
      if (w != null) {
        let k = u[h] = mo(T[h], Rg);
        if (w.min != null) mt(k, w);
        else if (h != A || i == 2)
          if (Mt == 0 && k.from == null) {
            let N = k.range(o, null, null, h);
            k.min = N[0], k.max = N[1]
          } else k.min = Ue, k.max = -Ue
      }
    }
    if (Mt > 0) {
      S.forEach((h, w) => {
        if (i == 1) {
          let k = h.scale, N = J[k];
          if (N == null) return;
          let E = u[k];
          if (w == 0) {
            let R = E.range(o, E.min, E.max, k);
            E.min = R[0], E.max = R[1], vt = yn(E.min, t[0]), kt = yn(E.max, t[0]),
            kt - vt > 1 && (t[0][vt] < E.min && vt++, t[0][kt] > E.max && kt--), h.min = fn[vt], h.max = fn[kt]
          } else h.show && h.auto && xi(E, N, h, t[w], h.sorted);
          h.idxs[0] = vt, h.idxs[1] = kt
        } else if (w > 0 && h.show && h.auto) {
          let [k, N] = h.facets, E = k.scale, R = N.scale, [z, U] = t[w], V = u[E], le = u[R];
          V != null && xi(V, J[E], k, z, k.sorted), le != null && xi(le, J[R], N, U, N.sorted), h.min = N.min, h.max = N.max
        }
      });
      for (let h in u) {
        let w = u[h], k = J[h];
        if (w.from == null && (k == null || k.min == null)) {
          let N = w.range(o, w.min == Ue ? null : w.min, w.max == -Ue ? null : w.max, h);
          w.min = N[0], w.max = N[1]
        }
      }
    }
    for (let h in u) {
      let w = u[h];
      if (w.from != null) {
        let k = u[w.from];
        if (k.min == null) w.min = w.max = null;
        else {
          let N = w.range(o, k.min, k.max, h);
          w.min = N[0], w.max = N[1]
        }
      }
    }
    let f = {}, g = !1;
    for (let h in u) {
      let w = u[h], k = T[h];
      if (k.min != w.min || k.max != w.max) {
        k.min = w.min, k.max = w.max;
        let N = k.distr;
        k._min = N == 3 ? qn(k.min) :
            N == 4      ? Sl(k.min, k.asinh) :
            N == 100    ? k.fwd(k.min) :
                          k.min,
        k._max = N == 3 ? qn(k.max) :
            N == 4      ? Sl(k.max, k.asinh) :
            N == 100    ? k.fwd(k.max) :
                          k.max,
        f[h] = g = !0
      }
    }
    if (g) {
      S.forEach((h, w) => {i == 2 ? w > 0 && f.y && (h._paths = null) : f[h.scale] && (h._paths = null)});
      for (let h in f) Fr = !0, Tt('setScale', h);
      $t && Q.left >= 0 && (pr = rn = !0)
    }
    for (let h in J) J[h] = null
  }
  function Bm(u) {
    let f = Dl(vt - 1, 0, Mt - 1), g = Dl(kt + 1, 0, Mt - 1);
    for (; u[f] == null && f > 0;) f--;
    for (; u[g] == null && g < Mt - 1;) g++;
    return [f, g]
  }
  function zm() {
    if (Mt > 0) {
      let u = S.some(f => f._focus) && jt != Sn.alpha;
      u && (b.globalAlpha = jt = Sn.alpha), S.forEach((f, g) => {
        if (g > 0 && f.show && (fs(g, !1), fs(g, !0), f._paths == null)) {
          let h = jt;
          jt != f.alpha && (b.globalAlpha = jt = f.alpha);
          let w = i == 2 ? [0, t[g][0].length - 1] : Bm(t[g]);
          f._paths = f.paths(o, g, w[0], w[1]), jt != h && (b.globalAlpha = jt = h)
        }
      }),
          S.forEach((f, g) => {
            if (g > 0 && f.show) {
              let h = jt;
              jt != f.alpha && (b.globalAlpha = jt = f.alpha), f._paths != null && ps(g, !1);
              {
                let w = f._paths != null ? f._paths.gaps : null, k = f.points.show(o, g, vt, kt, w), N = f.points.filter(o, g, k, w);
                (k || N) && (f.points._paths = f.points.paths(o, g, vt, kt, N), ps(g, !0))
              }
              jt != h && (b.globalAlpha = jt = h), Tt('drawSeries', g)
            }
          }),
          u && (b.globalAlpha = jt = 1)
    }
  }
  function fs(u, f) {
    let g = f ? S[u].points : S[u];
    g._stroke = g.stroke(o, u), g._fill = g.fill(o, u)
  }
  function ps(u, f) {
    let g = f ? S[u].points : S[u],
        {stroke: h, fill: w, clip: k, flags: N, _stroke: E = g._stroke, _fill: R = g._fill, _width: z = g.width} = g._paths;
    z = je(z * Pe, 3);
    let U = null, V = z % 2 / 2;
    f && R == null && (R = z > 0 ? '#fff' : E);
    let le = g.pxAlign == 1 && V > 0;
    if (le && b.translate(V, V), !f) {
      let Ce = Kt - z / 2, xe = nn - z / 2, ge = Ut + z, oe = mn + z;
      U = new Path2D, U.rect(Ce, xe, ge, oe)
    }
    f ? Si(E, z, g.dash, g.cap, R, h, w, N, k) : Um(u, E, z, g.dash, g.cap, R, h, w, N, U, k), le && b.translate(-V, -V)
  }
  function Um(u, f, g, h, w, k, N, E, R, z, U) {
    let V = !1;
    R != 0 && C.forEach((le, Ce) => {
      if (le.series[0] == u) {
        let xe = S[le.series[1]], ge = t[le.series[1]], oe = (xe._paths || Zo).band;
        sr(oe) && (oe = le.dir == 1 ? oe[0] : oe[1]);
        let Z, Ye = null;
        xe.show && oe && Ag(ge, vt, kt) ? (Ye = le.fill(o, Ce) || k, Z = xe._paths.clip) : oe = null, Si(f, g, h, w, Ye, N, E, R, z, U, Z, oe), V = !0
      }
    }),
        V || Si(f, g, h, w, k, N, E, R, z, U)
  }
  let gs = fo | Fl;
  function Si(u, f, g, h, w, k, N, E, R, z, U, V) {
    cs(u, f, g, h, w), (R || z || V) && (b.save(), R && b.clip(R), z && b.clip(z)),
        V ? (E & gs) == gs ? (b.clip(V), U && b.clip(U), ia(w, N), aa(u, k, f)) :
            E&Fl           ? (ia(w, N), b.clip(V), aa(u, k, f)) :
                             E&fo && (b.save(), b.clip(V), U && b.clip(U), ia(w, N), b.restore(), aa(u, k, f)) :
            (ia(w, N), aa(u, k, f)),
        (R || z || V) && b.restore()
  }
  function aa(u, f, g) { g > 0 && (f instanceof Map ? f.forEach((h, w) => {b.strokeStyle = oa = w, b.stroke(h)}) : f != null && u && b.stroke(f)) }
  function ia(u, f) { f instanceof Map ? f.forEach((g, h) => {b.fillStyle = Wr = h, b.fill(g)}) : f != null && u && b.fill(f) }
  function jm(u, f, g, h) {
    let w = D[u], k;
    if (h <= 0) k = [0, 0];
    else {
      let N = w._space = w.space(o, u, f, g, h), E = w._incrs = w.incrs(o, u, f, g, h, N);
      k = Q_(f, g, E, h, N)
    }
    return w._found = k
  }
  function Ti(u, f, g, h, w, k, N, E, R, z) {
    let U = N % 2 / 2;
    x == 1 && b.translate(U, U), cs(E, N, R, z, E), b.beginPath();
    let V, le, Ce, xe, ge = w + (h == 0 || h == 3 ? -k : k);
    g == 0 ? (le = w, xe = ge) : (V = w, Ce = ge);
    for (let oe = 0; oe < u.length; oe++) f[oe] != null && (g == 0 ? V = Ce = u[oe] : le = xe = u[oe], b.moveTo(V, le), b.lineTo(Ce, xe));
    b.stroke(), x == 1 && b.translate(-U, -U)
  }
  function Vm(u) {
    let f = !0;
    return D.forEach((g, h) => {
      if (!g.show) return;
      let w = T[g.scale];
      if (w.min == null) {
        g._show && (f = !1, g._show = !1, Br(!1));
        return
      } else g._show || (f = !1, g._show = !0, Br(!1));
      let k = g.side, N = k % 2, {min: E, max: R} = w, [z, U] = jm(h, E, R, N == 0 ? ue : j);
      if (U == 0) return;
      let V = w.distr == 2, le = g._splits = g.splits(o, h, E, R, z, U, V), Ce = w.distr == 2 ? le.map(Z => fn[Z]) : le,
          xe = w.distr == 2 ? fn[le[1]] - fn[le[0]] : z, ge = g._values = g.values(o, g.filter(o, Ce, h, U, xe), h, U, xe);
      g._rotate = k == 2 ? g.rotate(o, ge, h, U) : 0;
      let oe = g._size;
      g._size = cn(g.size(o, ge, h, u)), oe != null && g._size != oe && (f = !1)
    }),
           f
  }
  function Gm(u) {
    let f = !0;
    return ss.forEach((g, h) => {
      let w = g(o, h, _r, u);
      w != Jn[h] && (f = !1), Jn[h] = w
    }),
           f
  }
  function qm() {
    for (let u = 0; u < D.length; u++) {
      let f = D[u];
      if (!f.show || !f._show) continue;
      let g = f.side, h = g % 2, w, k, N = f.stroke(o, u), E = g == 0 || g == 3 ? -1 : 1, [R, z] = f._found;
      if (f.label != null) {
        let Ht = f.labelGap * E, Qt = yt((f._lpos + Ht) * Pe);
        ds(f.labelFont[0], N, 'center', g == 2 ? 'top' : Mc), b.save(),
            h == 1 ? (w = k = 0, b.translate(Qt, yt(nn + mn / 2)), b.rotate((g == 3 ? -Ja : Ja) / 2)) : (w = yt(Kt + Ut / 2), k = Qt);
        let yr = bd(f.label) ? f.label(o, u, R, z) : f.label;
        b.fillText(yr, w, k), b.restore()
      }
      if (z == 0) continue;
      let U = T[f.scale], V = h == 0 ? Ut : mn, le = h == 0 ? Kt : nn, Ce = f._splits, xe = U.distr == 2 ? Ce.map(Ht => fn[Ht]) : Ce,
          ge = U.distr == 2 ? fn[Ce[1]] - fn[Ce[0]] : R, oe = f.ticks, Z = f.border, Ye = oe.show ? oe.size : 0, it = yt(Ye * Pe),
          Ct = yt((f.alignTo == 2 ? f._size - Ye - f.gap : f.gap) * Pe), Oe = f._rotate * -Ja / 180, lt = P(f._pos * Pe), Yt = (it + Ct) * E,
          It = lt + Yt;
      k = h == 0 ? It : 0, w = h == 1 ? It : 0;
      let an = f.font[0],
          pn = f.align == 1 ? io :
          f.align == 2      ? vl :
          Oe > 0            ? io :
          Oe < 0            ? vl :
          h == 0            ? 'center' :
          g == 3            ? vl :
                              io,
          Pn = Oe || h == 1 ? 'middle' :
          g == 2            ? 'top' :
                              Mc;
      ds(an, N, pn, Pn);
      let Jt = f.font[1] * f.lineGap, ln = Ce.map(Ht => P(d(Ht, U, V, le))), gn = f._values;
      for (let Ht = 0; Ht < gn.length; Ht++) {
        let Qt = gn[Ht];
        if (Qt != null) {
          h == 0 ? w = ln[Ht] : k = ln[Ht], Qt = '' + Qt;
          let yr = Qt.indexOf(`
`) == -1 ?
              [Qt] :
              Qt.split(/\n/gm);
          for (let Wt = 0; Wt < yr.length; Wt++) {
            let Os = yr[Wt];
            Oe ? (b.save(), b.translate(w, k + Wt * Jt), b.rotate(Oe), b.fillText(Os, 0, 0), b.restore()) : b.fillText(Os, w, k + Wt * Jt)
          }
        }
      }
      oe.show && Ti(ln, oe.filter(o, xe, u, z, ge), h, g, lt, it, je(oe.width * Pe, 3), oe.stroke(o, u), oe.dash, oe.cap);
      let Nn = f.grid;
      Nn.show &&
          Ti(ln, Nn.filter(o, xe, u, z, ge), h, h == 0 ? 2 : 1, h == 0 ? nn : Kt, h == 0 ? mn : Ut, je(Nn.width * Pe, 3), Nn.stroke(o, u), Nn.dash,
             Nn.cap),
          Z.show &&
          Ti([lt], [1], h == 0 ? 1 : 0, h == 0 ? 1 : 2, h == 1 ? nn : Kt, h == 1 ? mn : Ut, je(Z.width * Pe, 3), Z.stroke(o, u), Z.dash, Z.cap)
    }
    Tt('drawAxes')
  }
  function Br(u) {
    S.forEach(
        (f, g) => {g > 0 && (f._paths = null, u && (i == 1 ? (f.min = null, f.max = null) : f.facets.forEach(h => {h.min = null, h.max = null})))})
  }
  let la = !1, Ci = !1, vo = [];
  function Km() {
    Ci = !1;
    for (let u = 0; u < vo.length; u++) Tt(...vo[u]);
    vo.length = 0
  }
  function zr() { la || (jg(_s), la = !0) }
  function Ym(u, f = !1) { la = !0, Ci = f, u(o), _s(), f && vo.length > 0 && queueMicrotask(Km) }
  o.batch = Ym;
  function _s() {
    if (fi && (Wm(), fi = !1), Fr && (Em(), Fr = !1), ta) {
      if (Qe(_, io, Ve), Qe(_, 'top', pt), Qe(_, Ko, ue), Qe(_, Yo, j), Qe(v, io, Ve), Qe(v, 'top', pt), Qe(v, Ko, ue), Qe(v, Yo, j), Qe(y, Ko, Hn),
          Qe(y, Yo, dr), p.width = yt(Hn * Pe), p.height = yt(dr * Pe), D.forEach(({_el: u, _show: f, _size: g, _pos: h, side: w}) => {
            if (u != null)
              if (f) {
                let k = w === 3 || w === 0 ? g : 0, N = w % 2 == 1;
                Qe(u, N ? 'left' : 'top', h - k), Qe(u, N ? 'width' : 'height', g), Qe(u, N ? 'top' : 'left', N ? pt : Ve),
                    Qe(u, N ? 'height' : 'width', N ? j : ue), Al(u, Cr)
              } else Zt(u, Cr)
          }),
          oa = Wr = _i = bi = yi = wi = vi = ki = hi = null, jt = 1, So(!0), Ve != Or || pt != mr || ue != xn || j != fr) {
        Br(!1);
        let u = ue / xn, f = j / fr;
        if ($t && !pr && Q.left >= 0) {
          Q.left *= u, Q.top *= f, Ur && Rn(Ur, yt(Q.left), 0, ue, j), jr && Rn(jr, 0, yt(Q.top), ue, j);
          for (let g = 0; g < on.length; g++) {
            let h = on[g];
            h != null && (Ir[g] *= u, Hr[g] *= f, Rn(h, cn(Ir[g]), cn(Hr[g]), ue, j))
          }
        }
        if (Ke.show && !na && Ke.left >= 0 && Ke.width > 0) {
          Ke.left *= u, Ke.width *= u, Ke.top *= f, Ke.height *= f;
          for (let g in Di) Qe(qr, g, Ke[g])
        }
        Or = Ve, mr = pt, xn = ue, fr = j
      }
      Tt('setSize'), ta = !1
    }
    Hn > 0 && dr > 0 && (b.clearRect(0, 0, p.width, p.height), Tt('drawClear'), q.forEach(u => u()), Tt('draw')), Ke.show && na && (sa(Ke), na = !1),
        $t && pr && (br(null, !0, !1), pr = !1), fe.show && fe.live && rn && (Ai(), rn = !1), c || (c = !0, o.status = 1, Tt('ready')), wo = !1,
                                                                                                                                        la = !1
  }
  o.redraw = (u, f) => {
    Fr = f || !1, u !== !1 ? Zn(A, F.min, F.max) : zr()
  };
  function Pi(u, f) {
    let g = T[u];
    if (g.from == null) {
      if (Mt == 0) {
        let h = g.range(o, f.min, f.max, u);
        f.min = h[0], f.max = h[1]
      }
      if (f.min > f.max) {
        let h = f.min;
        f.min = f.max, f.max = h
      }
      if (Mt > 1 && f.min != null && f.max != null && f.max - f.min < 1e-16) return;
      u == A && g.distr == 2 && Mt > 0 && (f.min = yn(f.min, t[0]), f.max = yn(f.max, t[0]), f.min == f.max && f.max++), J[u] = f, fi = !0, zr()
    }
  }
  o.setScale = Pi;
  let Ni, Mi, Ur, jr, hs, bs, Vr, Gr, ys, ws, qe, Xe, Qn = !1, At = Q.drag, xt = At.x, St = At.y;
  $t && (Q.x && (Ni = un(pg, v)), Q.y && (Mi = un(gg, v)), F.ori == 0 ? (Ur = Ni, jr = Mi) : (Ur = Mi, jr = Ni), qe = Q.left, Xe = Q.top);
  let Ke = o.select = mt({show: !0, over: !0, left: 0, width: 0, top: 0, height: 0}, e.select), qr = Ke.show ? un(fg, Ke.over ? v : _) : null;
  function sa(u, f) {
    if (Ke.show) {
      for (let g in u) Ke[g] = u[g], g in Di && Qe(qr, g, u[g]);
      f !== !1 && Tt('setSelect')
    }
  }
  o.setSelect = sa;
  function Jm(u) {
    if (S[u].show) ft && Al(rt[u], Cr);
    else if (ft && Zt(rt[u], Cr), $t) {
      let g = Rr ? on[0] : on[u];
      g != null && Rn(g, -10, -10, ue, j)
    }
  }
  function Zn(u, f, g) { Pi(u, {min: f, max: g}) }
  function Tn(u, f, g, h) {
    f.focus != null && tf(u),
        f.show != null &&
        S.forEach(
            (w, k) => {
                k > 0 && (u == k || u == null) &&
                (w.show = f.show, Jm(k), i == 2 ? (Zn(w.facets[0].scale, null, null), Zn(w.facets[1].scale, null, null)) : Zn(w.scale, null, null),
                 zr())}),
        g !== !1 && Tt('setSeries', u, f), h && To('setSeries', o, u, f)
  }
  o.setSeries = Tn;
  function Qm(u, f) { mt(C[u], f) }
  function Zm(u, f) { u.fill = we(u.fill || null), u.dir = Te(u.dir, -1), f = f ?? C.length, C.splice(f, 0, u) }
  function Xm(u) { u == null ? C.length = 0 : C.splice(u, 1) }
  o.addBand = Zm, o.setBand = Qm, o.delBand = Xm;
  function ef(u, f) { S[u].alpha = f, $t && on[u] != null && (on[u].style.opacity = f), ft && rt[u] && (rt[u].style.opacity = f) }
  let Wn, Xn, hr, Kr = {focus: !0};
  function tf(u) {
    if (u != hr) {
      let f = u == null, g = Sn.alpha != 1;
      S.forEach((h, w) => {
        if (i == 1 || w > 0) {
          let k = f || w == 0 || w == u;
          h._focus = f ? null : k, g && ef(w, k ? 1 : Sn.alpha)
        }
      }),
          hr = u, g && zr()
    }
  }
  ft && $r && Rt(Ec, Ne, u => {Q._lock || (gr(u), hr != null && Tn(null, Kr, !0, ct.setSeries))});
  function Cn(u, f, g) {
    let h = T[f];
    g && (u = u / Pe - (h.ori == 1 ? pt : Ve));
    let w = ue;
    h.ori == 1 && (w = j, u = w - u), h.dir == -1 && (u = w - u);
    let k = h._min, N = h._max, E = u / w, R = k + (N - k) * E, z = h.distr;
    return z == 3 ? uo(10, R) : z == 4 ? Dg(R, h.asinh) : z == 100 ? h.bwd(R) : R
  }
  function nf(u, f) {
    let g = Cn(u, A, f);
    return yn(g, t[0], vt, kt)
  }
  o.valToIdx = u => yn(u, t[0]), o.posToIdx = nf, o.posToVal = Cn,
  o.valToPos = (u, f, g) => T[f].ori == 0 ? l(u, T[f], g ? Ut : ue, g ? Kt : 0) : s(u, T[f], g ? mn : j, g ? nn : 0), o.setCursor = (u, f, g) => {
    qe = u.left, Xe = u.top, br(null, f, g)
  };
  function vs(u, f) { Qe(qr, io, Ke.left = u), Qe(qr, Ko, Ke.width = f) }
  function ks(u, f) { Qe(qr, 'top', Ke.top = u), Qe(qr, Yo, Ke.height = f) }
  let ko = F.ori == 0 ? vs : ks, xo = F.ori == 1 ? vs : ks;
  function rf() {
    if (ft && fe.live)
      for (let u = i == 2 ? 1 : 0; u < S.length; u++) {
        if (u == 0 && tn) continue;
        let f = fe.values[u], g = 0;
        for (let h in f) kn[u][g++].firstChild.nodeValue = f[h]
      }
  }
  function Ai(u, f) {
    if (u != null && (u.idxs ? u.idxs.forEach((g, h) => {Ee[h] = g}) : $g(u.idx) || Ee.fill(u.idx), fe.idx = Ee[0]), ft && fe.live) {
      for (let g = 0; g < S.length; g++) (g > 0 || i == 1 && !tn) && of(g, Ee[g]);
      rf()
    }
    rn = !1, f !== !1 && Tt('setLegend')
  }
  o.setLegend = Ai;
  function of (u, f) {
    let g = S[u], h = u == 0 && Y == 2 ? fn : t[u], w;
    tn ? w = g.values(o, u, f) ?? Yn : (w = g.value(o, f == null ? null : h[f], u, f), w = w == null ? Yn : {_: w}), fe.values[u] = w
  }
  function br(u, f, g) {
    ys = qe, ws = Xe, [qe, Xe] = Q.move(o, qe, Xe), Q.left = qe, Q.top = Xe, $t && (Ur && Rn(Ur, yt(qe), 0, ue, j), jr && Rn(jr, 0, yt(Xe), ue, j));
    let h, w = vt > kt;
    Wn = Ue, Xn = null;
    let k = F.ori == 0 ? ue : j, N = F.ori == 1 ? ue : j;
    if (qe < 0 || Mt == 0 || w) {
      h = Q.idx = null;
      for (let E = 0; E < S.length; E++) {
        let R = on[E];
        R != null && Rn(R, -10, -10, ue, j)
      }
      $r && Tn(null, Kr, !0, u == null && ct.setSeries), fe.live && (Ee.fill(h), rn = !0)
    } else {
      let E, R, z;
      i == 1 && (E = F.ori == 0 ? qe : Xe, R = Cn(E, A), h = Q.idx = yn(R, t[0], vt, kt), z = W(t[0][h], F, k, 0));
      let U = -10, V = -10, le = 0, Ce = 0, xe = !0, ge = '', oe = '';
      for (let Z = i == 2 ? 1 : 0; Z < S.length; Z++) {
        let Ye = S[Z], it = Ee[Z],
            Ct = it == null ? null :
            i == 1          ? t[Z][it] :
                              t[Z][1][it],
            Oe = Q.dataIdx(o, Z, h, R),
            lt = Oe == null ? null :
            i == 1          ? t[Z][Oe] :
                              t[Z][1][Oe];
        if (rn = rn || lt != Ct || Oe != it, Ee[Z] = Oe, Z > 0 && Ye.show) {
          let Yt = Oe == null ? -10 :
              Oe == h         ? z :
                                W(i == 1 ? t[0][Oe] : t[Z][0][Oe], F, k, 0),
              It = lt == null ? -10 : ie(lt, i == 1 ? T[Ye.scale] : T[Ye.facets[1].scale], N, 0);
          if ($r && lt != null) {
            let an = F.ori == 1 ? qe : Xe, pn = wt(Sn.dist(o, Z, Oe, It, an));
            if (pn < Wn) {
              let Pn = Sn.bias;
              if (Pn != 0) {
                let Jt = Cn(an, Ye.scale), ln = lt >= 0 ? 1 : -1, gn = Jt >= 0 ? 1 : -1;
                gn == ln && (gn == 1 ? Pn == 1 ? lt >= Jt : lt <= Jt : Pn == 1 ? lt <= Jt : lt >= Jt) && (Wn = pn, Xn = Z)
              } else Wn = pn, Xn = Z
            }
          }
          if (rn || Rr) {
            let an, pn;
            F.ori == 0 ? (an = Yt, pn = It) : (an = It, pn = Yt);
            let Pn, Jt, ln, gn, Nn, Ht, Qt = !0, yr = Ot.bbox;
            if (yr != null) {
              Qt = !1;
              let Wt = yr(o, Z);
              ln = Wt.left, gn = Wt.top, Pn = Wt.width, Jt = Wt.height
            } else ln = an, gn = pn, Pn = Jt = Ot.size(o, Z);
            if (Ht = Ot.fill(o, Z), Nn = Ot.stroke(o, Z), Rr)
              Z == Xn && Wn <= Sn.prox && (U = ln, V = gn, le = Pn, Ce = Jt, xe = Qt, ge = Ht, oe = Nn);
            else {
              let Wt = on[Z];
              Wt != null && (Ir[Z] = ln, Hr[Z] = gn, Wc(Wt, Pn, Jt, Qt), Ic(Wt, Ht, Nn), Rn(Wt, cn(ln), cn(gn), ue, j))
            }
          }
        }
      }
      if (Rr) {
        let Z = Sn.prox, Ye = hr == null ? Wn <= Z : Wn > Z || Xn != hr;
        if (rn || Ye) {
          let it = on[0];
          it != null && (Ir[0] = U, Hr[0] = V, Wc(it, le, Ce, xe), Ic(it, ge, oe), Rn(it, cn(U), cn(V), ue, j))
        }
      }
    }
    if (Ke.show && Qn)
      if (u != null) {
        let [E, R] = ct.scales, [z, U] = ct.match, [V, le] = u.cursor.sync.scales, Ce = u.cursor.drag;
        if (xt = Ce._x, St = Ce._y, xt || St) {
          let {left: xe, top: ge, width: oe, height: Z} = u.select, Ye = u.scales[V].ori, it = u.posToVal, Ct, Oe, lt, Yt, It,
                                                     an = E != null && z(E, V), pn = R != null && U(R, le);
          an && xt ? (Ye == 0 ? (Ct = xe, Oe = oe) : (Ct = ge, Oe = Z), lt = T[E], Yt = W(it(Ct, V), lt, k, 0), It = W(it(Ct + Oe, V), lt, k, 0),
                      ko(wn(Yt, It), wt(It - Yt))) :
                     ko(0, k),
              pn && St ? (Ye == 1 ? (Ct = xe, Oe = oe) : (Ct = ge, Oe = Z), lt = T[R], Yt = ie(it(Ct, le), lt, N, 0),
                          It = ie(it(Ct + Oe, le), lt, N, 0), xo(wn(Yt, It), wt(It - Yt))) :
                         xo(0, N)
        } else Ei()
      } else {
        let E = wt(ys - hs), R = wt(ws - bs);
        if (F.ori == 1) {
          let le = E;
          E = R, R = le
        }
        xt = At.x && E >= At.dist, St = At.y && R >= At.dist;
        let z = At.uni;
        z != null ? xt && St && (xt = E >= z, St = R >= z, !xt && !St && (R > E ? St = !0 : xt = !0)) : At.x && At.y && (xt || St) && (xt = St = !0);
        let U, V;
        xt && (F.ori == 0 ? (U = Vr, V = qe) : (U = Gr, V = Xe), ko(wn(U, V), wt(V - U)), St || xo(0, N)),
            St && (F.ori == 1 ? (U = Vr, V = qe) : (U = Gr, V = Xe), xo(wn(U, V), wt(V - U)), xt || ko(0, k)), !xt && !St && (ko(0, 0), xo(0, 0))
      }
    if (At._x = xt, At._y = St, u == null) {
      if (g) {
        if (Es != null) {
          let [E, R] = ct.scales;
          ct.values[0] = E != null ? Cn(F.ori == 0 ? qe : Xe, E) : null, ct.values[1] = R != null ? Cn(F.ori == 1 ? qe : Xe, R) : null
        }
        To(kl, o, qe, Xe, ue, j, h)
      }
      if ($r) {
        let E = g && ct.setSeries, R = Sn.prox;
        hr == null ? Wn <= R && Tn(Xn, Kr, !0, E) : Wn > R ? Tn(null, Kr, !0, E) : Xn != hr && Tn(Xn, Kr, !0, E)
      }
    }
    rn && (fe.idx = h, Ai()), f !== !1 && Tt('setCursor')
  }
  let er = null;
  Object.defineProperty(o, 'rect', {get() { return er == null && So(!1), er }});
  function So(u = !1) { u ? er = null : (er = v.getBoundingClientRect(), Tt('syncRect', er)) }
  function xs(u, f, g, h, w, k, N) {
    Q._lock || Qn && u != null && u.movementX == 0 && u.movementY == 0 ||
        (Li(u, f, g, h, w, k, N, !1, u != null), u != null ? br(null, !0, !0) : br(f, !0, !1))
  }
  function Li(u, f, g, h, w, k, N, E, R) {
    if (er == null && So(!1), gr(u), u != null) g = u.clientX - er.left, h = u.clientY - er.top;
    else {
      if (g < 0 || h < 0) {
        qe = -10, Xe = -10;
        return
      }
      let [z, U] = ct.scales, V = f.cursor.sync, [le, Ce] = V.values, [xe, ge] = V.scales, [oe, Z] = ct.match, Ye = f.axes[0].side % 2 == 1,
              it = F.ori == 0 ? ue : j, Ct = F.ori == 1 ? ue : j, Oe = Ye ? k : w, lt = Ye ? w : k, Yt = Ye ? h : g, It = Ye ? g : h;
      if (xe != null ? g = oe(z, xe) ? d(le, T[z], it, 0) : -10 : g = it * (Yt / Oe),
          ge != null ? h = Z(U, ge) ? d(Ce, T[U], Ct, 0) : -10 : h = Ct * (It / lt), F.ori == 1) {
        let an = g;
        g = h, h = an
      }
    }
    R && (f == null || f.cursor.event.type == kl) && ((g <= 1 || g >= ue - 1) && (g = Sr(g, ue)), (h <= 1 || h >= j - 1) && (h = Sr(h, j))),
        E ? (hs = g, bs = h, [Vr, Gr] = Q.move(o, g, h)) : (qe = g, Xe = h)
  }
  let Di = {width: 0, height: 0, left: 0, top: 0};
  function Ei() { sa(Di, !1) }
  let Ss, Ts, Cs, Ps;
  function Ns(u, f, g, h, w, k, N) {
    Qn = !0, xt = St = At._x = At._y = !1, Li(u, f, g, h, w, k, N, !0, !1), u != null && (Rt(xl, Nl, Ms, !1), To(Lc, o, Vr, Gr, ue, j, null));
    let {left: E, top: R, width: z, height: U} = Ke;
    Ss = E, Ts = R, Cs = z, Ps = U
  }
  function Ms(u, f, g, h, w, k, N) {
    Qn = At._x = At._y = !1, Li(u, f, g, h, w, k, N, !1, !0);
    let {left: E, top: R, width: z, height: U} = Ke, V = z > 0 || U > 0, le = Ss != E || Ts != R || Cs != z || Ps != U;
    if (V && le && sa(Ke), At.setScale && V && le) {
      let Ce = E, xe = z, ge = R, oe = U;
      if (F.ori == 1 && (Ce = R, xe = U, ge = E, oe = z), xt && Zn(A, Cn(Ce, A), Cn(Ce + xe, A)), St)
        for (let Z in T) {
          let Ye = T[Z];
          Z != A && Ye.from == null && Ye.min != Ue && Zn(Z, Cn(ge + oe, Z), Cn(ge, Z))
        }
      Ei()
    } else Q.lock && (Q._lock = !Q._lock, br(f, !0, u != null));
    u != null && (Er(xl, Nl), To(xl, o, qe, Xe, ue, j, null))
  }
  function af(u, f, g, h, w, k, N) {
    if (Q._lock) return;
    gr(u);
    let E = Qn;
    if (Qn) {
      let R = !0, z = !0, U = 10, V, le;
      F.ori == 0 ? (V = xt, le = St) : (V = St, le = xt), V && le && (R = qe <= U || qe >= ue - U, z = Xe <= U || Xe >= j - U),
          V && R && (qe = qe < Vr ? 0 : ue), le && z && (Xe = Xe < Gr ? 0 : j), br(null, !0, !0), Qn = !1
    }
    qe = -10, Xe = -10, Ee.fill(null), br(null, !0, !0), E && (Qn = E)
  }
  function As(u, f, g, h, w, k, N) { Q._lock || (gr(u), gi(), Ei(), u != null && To(Oc, o, qe, Xe, ue, j, null)) }
  function Ls() { D.forEach(Z_), pi(o.width, o.height, !0) }
  Pr(Qa, so, Ls);
  let Yr = {};
  Yr.mousedown = Ns, Yr.mousemove = xs, Yr.mouseup = Ms, Yr.dblclick = As, Yr.setSeries = (u, f, g, h) => {
    let w = ct.match[2];
    g = w(o, f, g), g != -1 && Tn(g, h, !0, !1)
  }, $t && (Rt(Lc, v, Ns), Rt(kl, v, xs), Rt(Dc, v, u => {gr(u), So(!1)}), Rt(Ec, v, af), Rt(Oc, v, As), $l.add(o), o.syncRect = So);
  let ua = o.hooks = e.hooks || {};
  function Tt(u, f, g) { Ci ? vo.push([u, f, g]) : u in ua && ua[u].forEach(h => {h.call(null, o, f, g)}) }
  (e.plugins || []).forEach(u => {
    for (let f in u.hooks) ua[f] = (ua[f] || []).concat(u.hooks[f])
  });
  let Ds = (u, f, g) => g,
      ct = mt(
          {key: null, setSeries: !1, filters: {pub: Vc, sub: Vc}, scales: [A, S[1] ? S[1].scale : null], match: [Gc, Gc, Ds], values: [null, null]},
          Q.sync);
  ct.match.length == 2 && ct.match.push(Ds), Q.sync = ct;
  let Es = ct.key, Oi = zd(Es);
  function To(u, f, g, h, w, k, N) { ct.filters.pub(u, f, g, h, w, k, N) && Oi.pub(u, f, g, h, w, k, N) }
  Oi.sub(o);
  function lf(u, f, g, h, w, k, N) { ct.filters.sub(u, f, g, h, w, k, N) && Yr[u](null, f, g, h, w, k, N) }
  o.pub = lf;
  function sf() { Oi.unsub(o), $l.delete(o), cr.clear(), Ll(Qa, so, Ls), m.remove(), Ne?.remove(), Tt('destroy') }
  o.destroy = sf;
  function Fi() {
    Tt('init', e, t), us(t || e.data, !1), J[A] ? Pi(A, J[A]) : gi(), na = Ke.show && (Ke.width > 0 || Ke.height > 0), pr = rn = !0,
                                                                      pi(e.width, e.height)
  }
  return S.forEach(ls), D.forEach(Hm), n ? n instanceof HTMLElement ? (n.appendChild(m), Fi()) : n(o, Fi) : Fi(), o
}
Nt.assign = mt;
Nt.fmtNum = Ul;
Nt.rangeNum = Za;
Nt.rangeLog = ti;
Nt.rangeAsinh = Bl;
Nt.orient = Mr;
Nt.pxRatio = Pe;
Nt.join = Ug;
Nt.fmtDate = Vl, Nt.tzDate = e_;
Nt.sync = zd;
{
  Nt.addGap = $_, Nt.clipGaps = oi;
  let e = Nt.paths = {points: Kd};
  e.linear = Jd, e.stepped = H_, e.bars = W_, e.spline = z_
}
var X_ = Array.from({length: 12}, (e, t) => [1, 2, 5].map(n => n * 10 ** t)).flat(),
    si = e => getComputedStyle(document.documentElement).getPropertyValue(`--chart-${e}`).trim() || '#888', eh = e => {
      let t = [];
      for (let n = 0; n < e.length; ++n) e[n] != null && e[n - 1] == null && e[n + 1] == null && t.push(n);
      return t
    };
function Ar({times: e, lines: t, show: n, height: o = 120, label: i, pick: l}) {
  let s = Me(null), d = Me(null), c = _e(Un), m = _e(Ln), p = t.map(y => y.name + y.color).join(), b = Me(l);
  return b.current = l,
         Fe(
             () => {
               let y = s.current;
               if (!y) return;
               let _ = si('ink'), v = {stroke: si('grid'), width: 1}, x = {stroke: _, grid: v, ticks: {show: !1}, font: '11px system-ui, sans-serif'},
                   P =
                       new Nt(
                           {
                             width: Math.max(120, y.clientWidth),
                             height: o,
                             legend: {show: t.length > 1 || t[0]?.name !== '', live: !0},
                             cursor: {y: !1, points: {size: 5}},
                             scales: {x: {time: !0}, y: {range: (D, T, C) => [0, C > 0 ? C * 1.1 : 1]}},
                             axes: [
                               {...x, size: 24, space: 70, values: (D, T) => T.map(C => hn(C * 1e3).replace(/:\d\d$/, ''))},
                               {...x, size: 58, space: 28, incrs: X_, values: (D, T) => T.map(n)}
                             ],
                             series: [
                               {label: a('col_when'), value: (D, T) => T === null ? '' : hn(T * 1e3)},
                               ...t.map(D => ({
                                          label: D.name,
                                          stroke: si(D.color),
                                          fill: si(D.color) + (D.bars ? '99' : '26'),
                                          width: 1.5,
                                          paths: D.bars ? Nt.paths.bars({size: [.8, 40]}) : void 0,
                                          points: D.bars ? {show: !1} : {show: !0, size: 4, filter: (T, C) => eh(T.data[C])},
                                          value: (T, C) => C === null ? '–' : n(C)
                                        }))
                             ]
                           },
                           [e, ...t.map(D => D.values)], y);
               d.current = P;
               let $ = () => {
                 let D = P.cursor.idx;
                 b.current && D !== null && D !== void 0 && b.current(P.data[0][D] * 1e3)
               };
               P.over.addEventListener('click', $);
               let S = new ResizeObserver(() => P.setSize({width: Math.max(120, y.clientWidth), height: o}));
               return S.observe(y), () => {
                 S.disconnect(), P.destroy(), d.current = null
               }
             },
             [p, c, m, o]),
         Fe(() => {d.current?.setData([e, ...t.map(y => y.values)])}, [e, t]),
         r('div', {class: 'chart' + (l ? ' picks' : ''), ref: s, role: 'img', 'aria-label': i})
}
function em({values: e, label: t}) {
  let n = e.filter(s => s !== null);
  if (n.length < 2) return r('svg', {class: 'spark', 'aria-hidden': 'true'});
  let o = Math.max(...n, 1e-9), i = 100 / (e.length - 1), l = '';
  return e.forEach(
             (s, d) => {s !== null && (l += `${l === '' || e[d - 1] === null ? 'M' : 'L'}${(d * i).toFixed(1)} ${(23 - 22 * s / o).toFixed(1)}`)}),
         r('svg', {class: 'spark', viewBox: '0 0 100 24', preserveAspectRatio: 'none', role: 'img', 'aria-label': t, children: r('path', {d: l})})
}
var ho = 6e4;
function ui(e, t) {
  let n = Me({at: null, values: []});
  return n.current.at !== t && (n.current = {at: t, values: [...n.current.values, e].slice(-60)}), n.current.values
}
function vn({name: e, value: t, note: n, tone: o = 'plain', trail: i, to: l}) {
  let s = r(M, {
    children: [
      r('span', {class: 'tile-name', children: [o === 'bad' || o === 'warn' ? r(ze, {name: o}) : null, e]}),
      r('span', {class: 'tile-value', children: t}), r('span', {class: 'tile-note', children: n ?? ''}),
      i ? r(em, {values: i, label: a('spark_label', {name: e})}) : null
    ]
  });
  return l ? r('a', {class: 'tile t-' + o, href: l, children: s}) : r('div', {class: 'tile t-' + o, children: s})
}
var tm = e => e.figures?.failing_since ?? e.open_since;
function ci(e) {
  let t = e.stats.totals;
  return t.accepted + t.revived - e.stats.pending - t.succeeded - t.failed - t.cancelled - t.expired
}
var th = 5, Zl = ({states: e}) => e.ready + e.retrying;
function nh(e) {
  let t = Bt() && Zl(e.stats) > 0, n = Me(!1);
  n.current ||= t;
  let o = re('/v1/lanes?limit=1000'), i = async d => {
    let c = [], m = n.current ? '' : null;
    for (let p = 0; m !== null && p < th; ++p) {
      let b = await he(o + (m === '' ? '' : `&cursor=${encodeURIComponent(m)}`), d);
      c.push(...b.items.filter(y => y.paused && Zl(y) > 0)), m = b.next
    }
    return c
  }, {data: l, error: s} = me(n.current ? o : '', i, n.current ? 15e3 : 0);
  return t ? l ? {lanes: l.length, waiting: l.reduce((d, c) => d + Zl(c), 0)} : s ? 'unknown' : 'loading' : {lanes: 0, waiting: 0}
}
var Xl = e => e.stats.store?.database_lost === 1;
function rh({now: e, failing: t, books: n}) {
  let o = nh(e), i = Uo(e)?.firing ?? 0, l = _e(gl), s = _e(jn), d = e.lag_ms !== null && e.lag_ms > 6e4,
      c = typeof o == 'object' ? o : {lanes: 0, waiting: 0},
      m =
          [
            e.polled && e.lag_ms === null ? a('tile_lag') : '', t === null ? a('nav_destinations') : '', o === 'unknown' ? a('nav_lanes') : '',
            l ? a('nav_alerts') : ''
          ].filter(_ => _ !== ''),
      p = [];
  Xl(e) && p.push(a('verdict_database')), t !== null && t > 0 && p.push(a(t === 1 ? 'verdict_failing_1' : 'verdict_failing', {n: H(t)})),
      d && p.push(a('verdict_late', {d: ve(e.lag_ms)})), n !== 0 && p.push(a('verdict_books', {n: H(Math.abs(n))})),
      c.lanes > 0 && p.push(a(c.lanes === 1 ? 'verdict_paused_1' : 'verdict_paused', {n: H(c.lanes), waiting: H(c.waiting)})),
      i > 0 && p.push(a(i === 1 ? 'verdict_alerts_1' : 'verdict_alerts', {n: H(i)}));
  let b = !s || n !== 0 || Xl(e) ? 'bad' : p.length > 0 ? 'warn' : o === 'loading' || m.length > 0 ? 'plain' : 'good';
  m.length > 0 && p.push(a('verdict_unknown', {what: m.join(', ')}));
  let y = s ? p.length > 0 ? p.join(' · ') : a(o === 'loading' ? 'loading' : 'verdict_good') : a('verdict_stale', {time: hn(e.at)});
  return r('p', {
    class: 'verdict t-' + b,
    role: 'status',
    children:
        [r(ze,
           {name: b === 'good' ? 'good' :
                b === 'plain'  ? 'half' :
                                 'bad'}),
         r('span', {children: y})]
  })
}
function oh({now: e}) {
  let t = e.stats.loaded.in_flight;
  return _e(jn) ?
      r(ne, {
        title: a('restart_title'),
        id: 'restart',
        children: [
          r('p', {
            children: Xl(e) ? r(ee, {tone: 'warn', children: a('restart_database')}) :
                ci(e) === 0 ? r(ee, {tone: 'good', children: a('restart_safe')}) :
                              r(ee, {tone: 'warn', children: a('restart_look')})
          }),
          r('ul', {
            class: 'plain-list',
            children: [
              r('li', {children: a('restart_disk', {n: H(e.stats.pending)})}),
              r('li', {children: t === 0 ? a('restart_no_flight') : a('restart_flight', {n: H(t)})}),
              r('li', {children: ci(e) === 0 ? a('restart_books') : a('verdict_books', {n: H(Math.abs(ci(e)))})})
            ]
          }),
          r('details', {
            children: [
              r('summary', {children: a('as_command')}), r(tt, {children: `kill -USR1 ${e.stats.pid}`}),
              r('p', {class: 'faint', children: a('restart_in_place')})
            ]
          })
        ]
      }) :
      r(ne, {title: a('restart_title'), id: 'restart', children: r('p', {children: r(ee, {tone: 'warn', children: a('restart_unknown')})})})
}
function ah(e) {
  let t = re('/v1/hosts?limit=1000'), n = e !== null && e.failing_hosts === null,
      o = me(n ? t : '', l => n ? he(t, l) : Promise.resolve(null), n ? 3e3 : 0);
  return e?.failing_hosts ? e.failing_hosts :
      o.data              ? o.data.items.filter(l => l.breaker.state !== 'closed').map(l => ({
                                                                                         host: l.host,
                                                                                         in_flight: l.in_flight,
                                                                                         paused: l.paused,
                                                                                         breaker: l.breaker.state,
                                                                                         open_since: l.breaker.open_since,
                                                                                         figures: l.figures ?? null
                                                                          })) :
                            null
}
function ih({hosts: e}) {
  let t = _e(jn);
  return r(ne, {
    title: a('failing_title'),
    id: 'failing',
    wide: !0,
    aside: r('a', {href: L('destinations'), children: a('nav_destinations')}),
    children: e === null || e.length === 0 && !t ? r('p', {class: 'faint', children: a('unknown')}) :
        e.length === 0                           ? r(ce, {title: a('failing_none')}) :
                                                   r(ye, {
                                                     label: a('failing_title'),
                                                     rows: e,
                                                     keyOf: n => n.host,
                                                     to: n => L('destination', [n.host]),
                                                     columns: [
                             {
                                                         name: a('col_host'),
                                                         width: 'minmax(10rem, 2fr)',
                                                         main: !0,
                                                         cell: n => r('a', {href: L('destination', [n.host]), children: r(O, {children: n.host})})
                             },
                             {name: a('col_breaker'), width: '9rem', main: !0, cell: n => r(oo, {state: n.breaker})},
                             {name: a('col_since'), width: '8rem', cell: n => r(Be, {at: tm(n)})},
                             {name: a('col_with'), width: 'minmax(8rem, 1fr)', cell: n => r('code', {children: n.figures?.last_error ?? '–'})}, {
                                                         name: a('col_failed'),
                                                         width: '8rem',
                                                         right: !0,
                                                         cell: n => n.figures?.attempts ? `${H(n.figures.failed ?? 0)} / ${H(n.figures.attempts)}` : '–'
                             },
                             {name: a('col_flight'), width: '5rem', right: !0, hide: !0, cell: n => H(n.in_flight)}
                           ]
                         })
  })
}
function lh() {
  let e = re('/v1/callers?sort=accepted&since_ms=60000&limit=5'), {data: t, error: n} = me(e, l => he(e, l), 3e3);
  if (!t) return n ? null : r(ne, {title: a('flood_title'), id: 'flood', children: r('p', {class: 'faint', children: a('loading')})});
  let o = t.items.filter(l => l.minute.accepted > 0), i = Math.max(1, ...o.map(l => l.minute.accepted));
  return r(ne,{title:a('flood_title'),id:'flood',aside:r('a',{href:L('callers'),children:a('nav_callers')}),children:[o.length===0?r('p',{class:'faint',children:a('flood_none')}):null,r('ul',{class:'bars',children:o.map(l=>r('li',{children:[r('a',{href:L('callers',[],{caller:l.caller}),children:l.others?a('caller_others'):l.caller===''?a('caller_nobody'):r(O,{children:l.caller})}),r(Oa,{value:l.minute.accepted,of:i,label:a('flood_label',{n:H(l.minute.accepted)})}),r('span',{class:'right',children:a('per_min',{n:Pt(l.minute.accepted)})})]},l.caller||'…'))})]})
}
function sh() {
  let e = re(`/v1/due?step_ms=${5 * ho}`), {data: t, error: n} = me(e, i => he(e, i), 15e3),
      o = Lo(() => {
        if (!t) return null;
        let i = new Date(t.from).getTime(), l = t.counts.map((s, d) => (i + d * t.step_ms) / 1e3).slice(0, 6 * 36e5 / t.step_ms);
        return {
          times: l, lines: [{name: '', values: t.counts.slice(0, l.length), color: 'a', bars: !0}],
              hour: t.counts.slice(0, 36e5 / t.step_ms).reduce((s, d) => s + d, 0)
        }
      }, [t]);
  return n?.missing ? null : r(ne, {
    title: a('due_title'),
    id: 'due',
    aside: r('a', {href: L('notifies', [], {state: 'scheduled', order: 'due'}), children: a('due_list')}),
    children: o ? r(M, {
      children: [
        r('p', {class: 'big', children: a('due_hour', {n: H(o.hour)})}),
        r(Ar, {label: a('due_title'), times: o.times, lines: o.lines, show: Pt, height: 110})
      ]
    }) :
        n       ? r(te, {problem: n}) :
                  r('p', {class: 'faint', children: a('loading')})
  })
}
function uh(e, t) {
  let n = Math.floor(Date.now() / ho) * ho;
  return re(`/v1/history?series=${e}&step=${ho}&from=${new Date(n - 1440 * ho).toISOString()}&to=${new Date(n).toISOString()}${
      t ? '&host=' + encodeURIComponent(t) : ''}`)
}
function es(e, t) {
  let n = uh(e, t), o = me(n, s => he(n, s)), i = Me(null), [, l] = I(0);
  return Fe(() => {
           let s = setInterval(() => l(d => d + 1), 2e4);
           return () => clearInterval(s)
         }, []), o.data && (i.current = o.data), {
    data: i.current, error: o.error
  }
}
function ch() {
  let {
    data: e,
    error: t
  } = es('accepted,succeeded,attempts_failed,lateness_p99_ms'),
 n = Lo(() => {
   if (!e) return null;
   let o = new Date(e.from).getTime(), i = m => e.series[m] ?? [], l = i('accepted').map((m, p) => (o + p * e.step_ms) / 1e3),
       s = [{name: a('chart_accepted'), values: i('accepted'), color: 'a'}, {name: a('chart_succeeded'), values: i('succeeded'), color: 'b'}],
       d = [{name: a('chart_failed'), values: i('attempts_failed'), color: 'bad'}],
       c = [{name: a('chart_late'), values: i('lateness_p99_ms'), color: 'c'}];
   return { times: l, lines: s, failed: d, late: c }
 }, [e]);
  return t?.missing ? null : r(ne, {
    title: a('day_title'),
    id: 'day',
    wide: !0,
    children: n && n.times.length > 0 ? r('div', {
      class: 'charts',
      children: [
        r(Ar, {label: a('chart_flow_label'), times: n.times, lines: n.lines, show: Pt, height: 150}),
        r(Ar, {label: a('chart_failed_label'), times: n.times, lines: n.failed, show: Pt, height: 150}),
        r(Ar, {label: a('chart_late_label'), times: n.times, lines: n.late, show: ve, height: 150})
      ]
    }) :
        t                             ? r(te, {problem: t}) :
                                        r('p', {class: 'faint', children: e ? a('day_none') : a('loading')})
  })
}
function dh({now: e}) {
  let t = re('/v1/notifies?limit=8'), n = e.rates.accepted > 1 ? '' : e.stats.totals.accepted, o = me(`${t}#${n}`, s => he(t, s), 3e3), i = Me(null);
  o.data && (i.current = o.data.items);
  let l = i.current;
  return r(ne, {
    title: a('newest_title'),
    id: 'newest',
    wide: !0,
    aside: r('a', {href: L('notifies'), children: a('newest_all')}),
    children: l === null ? o.error ? r(te, {problem: o.error}) : r('p', {class: 'faint', children: a('loading')}) : r(ye, {
      label: a('newest_title'),
      rows: l,
      keyOf: s => s.id,
      to: s => L('notify', [s.id]),
      columns: xr(),
      empty: r(ce, {
        title: a('first_title'),
        command: `${at()} submit http://127.0.0.1:9100/orders --data '{"order":1}'`,
        children: pe('submit') ? r(M, {children: [a('first_text'), ' ', r('a', {href: L('submit'), children: a('first_here')})]}) : a('first_text')
      })
    })
  })
}
function nm() {
  let e = _e(Gt), t = _e($n), n = _e(jn), o = ah(e), i = `/v1/namespaces/${encodeURIComponent(Lt())}`, l = me(i, $ => he(i, $), 5e3),
      s = ui(e?.rates.accepted ?? null, e), d = ui(e?.rates.attempts ?? null, e), c = ui(e?.rates.failed ?? null, e), m = ui(e?.lag_ms ?? null, e);
  if (!e) return r(M, {children: [r(ae, {children: a('nav_overview')}), t ? r(te, {problem: t}) : r('p', {class: 'faint', children: a('loading')})]});
  let {stats: p} = e, b = ci(e), y = l.data?.may_be_in_flight ?? 0, _ = e.lag_ms, v = Fo(), {free_bytes: x, disk_bytes: P} = p.store ?? {};
  return r(M, {
    children: [
      r(ae, {
        aside: r('span', {
          class: 'faint',
          children: [a('up_for', {version: p.version, d: ve(p.uptime_ms)}), p.member ? ' · ' + a('up_at', {member: p.member}) : '']
        }),
        children: a('nav_overview')
      }),
      r(rh, {now: e, failing: e.failing_count ?? o?.filter($ => tm($) !== null).length ?? null, books: b}), r('div', {
        class: 'tiles',
        children: [
          r(vn, {
            name: a('tile_lag'),
            value: _ !== null ? ve(_) :
                e.polled      ? a('unknown') :
                                '–',
            note: a('tile_lag_note'),
            tone: _ !== null && _ > ho ? 'warn' : 'plain',
            trail: m,
            to: L('notifies', [], {state: 'ready'})
          }),
          r(vn, {name: a('tile_in'), value: no(e.rates.accepted), note: a('tile_in_note'), trail: s, to: L('callers')}),
          r(vn, {name: a('tile_out'), value: no(e.rates.attempts), note: a('tile_out_note'), trail: d, to: L('destinations')}), r(vn, {
            name: a('tile_failed'),
            value: no(e.rates.failed),
            note: a('tile_failed_note', {n: Pt(p.totals.failed)}),
            tone: e.rates.failed > 0 ? 'warn' : 'plain',
            trail: c,
            to: L('notifies', [], {state: 'failed'})
          }),
          r(vn, {
            name: a('tile_pending'),
            value: Pt(p.pending),
            note: a('tile_pending_note', {ready: Pt(p.states.ready), retrying: Pt(p.states.retrying)}),
            to: L('notifies', [], {state: Mn.join(',')})
          }),
          r(vn, {
            name: a('tile_flight'),
            value: H(p.loaded.in_flight),
            note: y > 0 ? a('tile_flight_note', {n: H(y), share: ro(p.loaded.in_flight, y)}) : '',
            tone: y > 0 && p.loaded.in_flight >= y ? 'warn' : 'plain',
            to: L('notifies', [], {state: 'sending'})
          }),
          e.lateness_p99_ms !== null ? r(vn, {name: a('tile_late'), value: ve(e.lateness_p99_ms), note: a('tile_late_note')}) : null,
          e.commit_p99_ms !== null && e.commit_p99_ms !== void 0 && v ?
              r(vn, {name: a('tile_commit'), value: ve(e.commit_p99_ms), note: a('tile_commit_note')}) :
              null,
          x !== void 0 && P !== void 0 ? r(vn, {
            name: a('tile_disk'),
            value: Dn(x),
            note: a('tile_disk_note', {used: Dn(P)}),
            tone: x / Math.max(1, x + P) < .05 ? 'bad' : 'plain'
          }) :
                                         null,
          p.memory ? r(vn, {name: a('tile_memory'), value: Dn(p.memory.rss_bytes)}) : null, r(vn, {
            name: a('tile_books'),
            value: b === 0 && !n ? a('unknown') :
                b === 0          ? a('books_good') :
                                   a('books_off', {n: H(Math.abs(b))}),
            note: a('tile_books_note'),
            tone: b === 0 ? 'plain' : 'bad'
          })
        ]
      }),
      r('div', {class: 'grid', children: [r(ih, {hosts: o}), r(lh, {}), r(sh, {}), r(oh, {now: e}), r(ch, {}), r(dh, {now: e})]})
    ]
  })
}
var di = e => e == null ? '–' : ve(e), rm = e => (e.figures?.failed ?? 0) + (e.breaker.state === 'closed' ? 0 : 1e6) + (e.paused ? .5 : 0);
function mh() {
  return [
    {
      name: a('col_host'),
      width: 'minmax(11rem, 2fr)',
      main: !0,
      cell: e => r('a', {href: L('destination', [e.host]), children: r(O, {children: e.host})})
    },
    {
      name: a('col_breaker'),
      width: '10.5rem',
      main: !0,
      cell: e =>
          r(M, {children: [r(oo, {state: e.breaker.state}), ' ', e.paused ? r(ee, {tone: 'warn', icon: 'held', children: a('paused')}) : null]})
    },
    {name: a('col_since'), width: '8rem', cell: e => r(Be, {at: e.figures?.failing_since ?? e.breaker.open_since})}, {
      name: a('col_with'),
      width: 'minmax(7rem, 1fr)',
      cell: e => e.figures?.last_error ? r('code', {children: e.figures.last_error}) : r('span', {class: 'faint', children: '–'})
    },
    {
      name: a('col_failed'),
      width: '7rem',
      right: !0,
      hide: !0,
      cell: e => e.figures?.attempts ? `${H(e.figures.failed ?? 0)} / ${H(e.figures.attempts)}` : '–'
    },
    {
      name: a('col_flight'),
      width: '6.5rem',
      right: !0,
      hide: !0,
      cell: e => e.effective.concurrency ? `${H(e.in_flight)} / ${H(e.effective.concurrency)}` : H(e.in_flight)
    },
    {name: a('col_queued'), width: '5.5rem', right: !0, hide: !0, cell: e => H(e.queued)},
    {name: 'p50', width: '5rem', right: !0, hide: !0, cell: e => di(e.figures?.p50_ms)},
    {name: 'p99', width: '5rem', right: !0, hide: !0, cell: e => di(e.figures?.p99_ms)}
  ]
}
function fh() {
  let e = nt(re('/v1/services?limit=100'), t => t.name, 3e3);
  return r(ne, {
    title: a('services_title'),
    wide: !0,
    children: [
      e.error ? r(te, {problem: e.error, again: e.again}) : null, r(ye, {
        label: a('services_title'),
        pages: e,
        keyOf: t => t.name,
        to: t => L('service', [t.name]),
        empty: r(ce, {title: a('services_none'), command: `${at()} service register stock a --url http://10.0.0.5:8080`}),
        columns: [
          {
            name: a('f_service'),
            width: 'minmax(10rem, 2fr)',
            main: !0,
            cell: t => r('a', {href: L('service', [t.name]), children: r(O, {children: t.name})})
          },
          {
            name: a('instances'),
            width: 'minmax(14rem, 2fr)',
            main: !0,
            cell: t => r(M, {
              children: [
                r(ee, {tone: t.instances.alive > 0 ? 'good' : 'bad', children: a('n_alive', {n: t.instances.alive})}), ' ',
                t.instances.unreachable > 0 ? r(ee, {tone: 'bad', children: a('n_unreachable', {n: t.instances.unreachable})}) : null, ' ',
                t.instances.draining > 0 ? r(ee, {tone: 'warn', children: a('n_draining', {n: t.instances.draining})}) : null
              ]
            })
          },
          {name: a('balance'), width: '9rem', cell: t => t.balance},
          {name: a('made_by'), width: '9rem', hide: !0, cell: t => t.from_file ? a('by_file') : a('by_request')}
        ]
      })
    ]
  })
}
function om() {
  let e = Go(), t = nt(re('/v1/hosts?limit=1000' + ja(e)), o => o.host, 2e3),
      n = [...t.rows].sort((o, i) => rm(i) - rm(o) || i.in_flight - o.in_flight || (o.host < i.host ? -1 : 1));
  return r(M, {
    children: [
      r(ae, {children: a('nav_destinations')}), t.error ? r(te, {problem: t.error, again: t.again}) : null, r(ne, {
        title: a('hosts_title'),
        children: [
          r(Va, {pages: t}), r(ye, {
            label: a('hosts_title'),
            rows: n,
            pages: t,
            keyOf: o => o.host,
            to: o => L('destination', [o.host]),
            columns: mh(),
            empty: e ? r(Ga, {prefix: e}) :
                       r(ce, {title: a('hosts_none'), command: `${at()} submit http://127.0.0.1:9100/orders --data '{"order":1}'`})
          })
        ]
      }),
      r(fh, {})
    ]
  })
}
function ph({host: e, since: t}) {
  let [n, o] = I(t ? _t(t) : '02:00'), [i, l] = I(null), [s, d] = I(!1), {query: c} = $e();
  if (c.get('do') !== 'again' && !i) return null;
  let m = () => {
    l(null), ut({do: null})
  };
  return i ? r(za, {kind: 'retry', filter: i, close: m}) : r(Ge, {
    title: a('again_title', {host: e}),
    close: m,
    children: r(ht, {
      label: a('again_count'),
      close: m,
      stays: !0,
      send: () => {
        let p = En(n);
        if (p === null) return d(!0);
        l({state: ['failed'], host: [e], settled_after: [new Date(p).toISOString()]})
      },
      children: r(be, {
        label: a('again_since'),
        hint: a('time_hint'),
        fault: s ? a('time_bad') : null,
        children: r('input', {autoFocus: !0, value: n, 'aria-invalid': s, onInput: p => o(p.currentTarget.value)})
      })
    })
  })
}
function gh({host: e, close: t, done: n}) {
  let {concurrency: o, rate_per_s: i} = e,
                                   {texts: l, set: s, save: d} = ao({concurrency: o, rate_per_s: i}, re(`/v1/hosts/${encodeURIComponent(e.host)}`)),
                                   c = async () => {
                                     let m = await d();
                                     return m || n(), m
                                   };
  return r(Ge, {
    title: a('limits_title', {name: e.host}),
    close: t,
    children: r(ht, {
      send: c,
      label: a('save'),
      close: t,
      children: [
        r(be, {
          label: a('f_concurrency'),
          hint: a('limit_hint', {now: e.effective.concurrency ?? a('no_limit')}),
          children: r('input', {inputMode: 'numeric', value: l.concurrency, onInput: s('concurrency')})
        }),
        r(be, {
          label: a('f_rate'),
          hint: a('limit_hint', {now: e.effective.rate_per_s ?? a('no_limit')}),
          children: r('input', {inputMode: 'decimal', value: l.rate_per_s, onInput: s('rate_per_s')})
        })
      ]
    })
  })
}
function _h({host: e}) {
  let {data: t} = es('attempts,attempts_failed', e);
  if (!t) return null;
  let n = new Date(t.from).getTime(), o = s => t.series[s] ?? [], i = o('attempts').map((s, d) => (n + d * t.step_ms) / 1e3);
  if (!o('attempts').some(s => s !== null)) return null;
  let l = [{name: a('chart_attempts'), values: o('attempts'), color: 'a'}, {name: a('chart_failed'), values: o('attempts_failed'), color: 'bad'}];
  return r(ne, {title: a('day_title'), children: r(Ar, {label: a('chart_host_label', {host: e}), times: i, lines: l, show: Pt, height: 140})})
}
var hh = e => ({
  host: e,
  paused: !1,
  concurrency: null,
  rate_per_s: null,
  effective: {concurrency: null, rate_per_s: null},
  in_flight: 0,
  waiting_lanes: 0,
  queued: 0,
  sleeping_lanes: !1,
  at_cap: !1,
  breaker: {state: 'closed', open_since: null, next_probe: null}
});
function am() {
  let {args: e} = $e(), t = e[0] ?? '', n = re(`/v1/hosts/${encodeURIComponent(t)}`), o = me(n, x => he(n, x), 1500),
             l = _e(Gt)?.failing_hosts?.find(x => x.host === t),
             s = nt(re(`/v1/notifies?state=failed,retrying&host=${encodeURIComponent(t)}&limit=20`), x => x.id, 3e3), [d, c] = I(!1),
             m = o.data ?? (o.error?.status === 404 ? hh(t) : null);
  if (!m)
    return o.error ? r(M, {children: [r(ae, {children: r(O, {children: t})}), r(te, {problem: o.error, again: o.again})]}) :
                     r('p', {class: 'faint', children: a('loading')});
  let p = m.figures ?? l?.figures ?? {}, b = p.failing_since ?? m.breaker.open_since, y = pe('operate') && Bt(),
      _ = x => async () => (await se('PATCH', n, {body: {paused: x}}), o.again(), x ? a('paused_done', {name: t}) : a('resumed_done', {name: t})),
      v = async () => (await se('POST', `${n}/probe`), o.again(), a('probe_done', {name: t}));
  return r(M, {
    children: [
      r(ae, {
        aside: y ? r(M, {
          children: [
            m.breaker.state === 'open' && !m.paused ? r(Ie, {act: v, children: a('probe')}) : null,
            r('button', {type: 'button', class: 'main', onClick: () => ut({do: 'again'}), children: a('again_button')}),
            m.paused ? r(Ie, {act: _(!1), children: a('resume')}) : r(Ie, {act: _(!0), children: a('pause')}),
            r('button', {type: 'button', onClick: () => c(!0), children: a('limits')})
          ]
        }) :
                   null,
        children: [
          r(O, {children: m.host}), ' ', r(Je, {text: m.host}), ' ', r(oo, {state: m.breaker.state}), ' ',
          m.paused ? r(ee, {tone: 'warn', icon: 'held', children: a('paused')}) : null
        ]
      }),
      r('p', {class: 'subtitle', id: 'told', children: bh(m, p)}), r('div', {
        class: 'columns',
        children: [
          r('div', {
            children: [
              r(ne, {
                title: a('host_failed_title'),
                aside: r('a', {href: L('notifies', [], {state: 'failed,retrying', host: t}), children: a('newest_all')}),
                children: [
                  s.error ? r(te, {problem: s.error}) : null, r(ye, {
                    label: a('host_failed_title'),
                    pages: s,
                    keyOf: x => x.id,
                    to: x => L('notify', [x.id]),
                    columns: xr(!0),
                    empty: r(ce, {title: a('host_failed_none')})
                  })
                ]
              }),
              r(_h, {host: t})
            ]
          }),
          r(ne, {
            title: a('facts_title'),
            children: r(Dt, {
              rows: [
                [a('col_breaker'), r(oo, {state: m.breaker.state})], [a('col_since'), r(Be, {at: b})],
                [a('col_with'), p.last_error ? r('code', {children: p.last_error}) : r('span', {class: 'faint', children: a('none')})],
                [a('f_attempts_minute'), p.attempts === void 0 ? '–' : a('failed_of', {n: H(p.failed ?? 0), of: H(p.attempts)})],
                ['p50 / p99', `${di(p.p50_ms)} / ${di(p.p99_ms)}`], [a('f_next_probe'), r(Be, {at: m.breaker.next_probe})],
                [a('col_flight'), `${H(m.in_flight)} / ${m.effective.concurrency ?? a('no_limit')}`],
                [a('f_rate'), m.effective.rate_per_s ?? a('no_limit')], [a('col_queued'), H(m.queued)], [a('f_waiting_lanes'), H(m.waiting_lanes)]
              ]
            })
          })
        ]
      }),
      r(ph, {host: t, since: b}), d ? r(gh, {host: m, close: () => c(!1), done: o.again}) : null
    ]
  })
}
function bh(e, t) {
  let n = t.failing_since ?? e.breaker.open_since, o = [];
  return n && o.push(t.last_error ? a('told_fails_with', {time: _t(n), error: t.last_error}) : a('told_fails', {time: _t(n)})),
         e.breaker.state === 'open' &&
             o.push(e.breaker.next_probe ? a('told_open', {time: _t(e.breaker.next_probe).slice(11)}) : a('told_open_soon')),
         e.paused && o.push(a('told_paused')), o.length > 0 ? o.join(' ') : a('told_well')
}
var im = (e, t) => `notifyd.weight ${e} ${t.id}`;
async function lm(e, t, n) {
  let o = `${e}/instances/${encodeURIComponent(t)}`, {body: i, etag: l} = await se('GET', o);
  await se('PUT', o, {body: {url: i.url, pools: i.pools, weight: n}, headers: l ? {'If-Match': l} : {}})
}
function yh({path: e, instance: t, close: n, done: o}) {
  let [i, l] = I(ar('sessionStorage', im(e, t)) ?? '1');
  return r(Ge, {
    title: a('take_calls_title', {id: t.id}),
    close: n,
    children: r(ht, {
      label: a('take_calls'),
      close: n,
      send: async () => {await lm(e, t.id, i.trim() === '' ? NaN : Number(i)), Re(a('changed')), o()},
      children: r(be, {
        label: a('weight'),
        hint: a('take_calls_hint'),
        children: r('input', {inputMode: 'numeric', autoFocus: !0, value: i, onInput: s => l(s.currentTarget.value)})
      })
    })
  })
}
function sm() {
  let {args: e} = $e(), t = e[0] ?? '', n = re(`/v1/services/${encodeURIComponent(t)}`), o = me(n, m => he(n, m), 2e3),
             i = nt(`${n}/instances?limit=1000`, m => m.id, 2e3), [l, s] = I(null);
  if (!o.data)
    return o.error ? r(M, {children: [r(ae, {children: r(O, {children: t})}), r(te, {problem: o.error, again: o.again})]}) :
                     r('p', {class: 'faint', children: a('loading')});
  let d = m => async () => (_n('sessionStorage', im(n, m), String(m.weight)), await lm(n, m.id, 0), i.again(), a('changed')),
      c = i.rows.find(m => m.id === l);
  return r(M, {
    children: [
      r(ae, {
        aside: r('a', {class: 'button', href: L('notifies', [], {service: t}), children: a('nav_notifies')}),
        children: r(O, {children: o.data.name})
      }),
      r(ne, {
        title: a('instances'),
        children: [
          i.error ? r(te, {problem: i.error, again: i.again}) : null, r(ye, {
            label: a('instances'),
            pages: i,
            keyOf: m => m.id,
            empty: r(ce, {title: a('instances_none'), command: `${at()} service register --url http://10.0.0.5:8080 ${Ta(t)} a`}),
            columns: [
              {name: a('col_id'), width: 'minmax(6rem, 1fr)', main: !0, cell: m => r(M, {children: [r(O, {children: m.id}), r(Je, {text: m.id})]})}, {
                name: a('col_state'),
                width: '9rem',
                main: !0,
                cell: m =>
                    r(ee,
                      {tone: m.state === 'alive'  ? 'good' :
                           m.state === 'draining' ? 'warn' :
                                                    'bad',
                       children: et('instance', m.state)})
              },
              {name: a('f_url'), width: 'minmax(10rem, 2fr)', cell: m => r(O, {children: m.url})},
              {name: a('col_since'), width: '8rem', hide: !0, cell: m => r(Be, {at: m.figures?.failing_since ?? m.breaker.open_since})},
              {name: a('weight'), width: '4rem', right: !0, hide: !0, cell: m => m.weight},
              {name: a('col_flight'), width: '5rem', right: !0, hide: !0, cell: m => H(m.in_flight)}, {
                name: a('actions'),
                width: '7rem',
                cell: m => pe('register', 'operate') && !m.expires_at && !o.data.from_file ?
                    m.weight === 0 ? r('button', {type: 'button', class: 'small', onClick: () => s(m.id), children: a('take_calls_how')}) :
                                     r(Ie, {small: !0, act: d(m), children: a('drain')}) :
                    null
              }
            ]
          })
        ]
      }),
      c ? r(yh, {path: n, instance: c, close: () => s(null), done: i.again}) : null
    ]
  })
}
function wh({fkey: e, close: t, done: n}) {
  let [o, i] = I('');
  return r(Ge, {
    title: a('trigger_title', {fkey: e}),
    close: t,
    children: r(ht, {
      label: a('trigger'),
      close: t,
      send: async () => {
        let l;
        try {
          l = o.trim() === '' ? {} : {data: Qr(o)}
        } catch (d) {
          return String(d)
        }
        let {status: s} = await se('POST', re(`/v1/fkeys/${encodeURIComponent(e)}/trigger`), {body: l});
        s === 200 ? Re(a('triggered_before'), !0) : Re(a('triggered')), n()
      },
      children: r(be, {
        label: a('f_data'),
        hint: a('trigger_hint'),
        children: r('textarea', {rows: 5, spellcheck: !1, value: o, onInput: l => i(l.currentTarget.value)})
      })
    })
  })
}
function vh({fkey: e}) {
  let t = re(`/v1/fkeys/${encodeURIComponent(e)}`), n = me(t, m => se('GET', t, {signal: m}), 2e3), [o, i] = I(!1), l = n.data?.body,
      s = l !== void 0 && 'remembered' in l, d = l !== void 0 && !('remembered' in l) && l.state === 'held', c = n.error !== null && !n.error.missing;
  return r(ne, {
    title: r(O, {children: e}),
    aside: r(M, {
      children: [
        pe('submit') && (d || c && !l) ? r('button', {type: 'button', class: 'main', onClick: () => i(!0), children: a('trigger')}) : null,
        pe('operate') && (d || s) ? r(Ie, {
          tone: 'danger',
          act: async () => (await se('DELETE', l !== void 0 && !('remembered' in l) ? `/v1/notifies/${l.id}` : t), n.again(), a('cancelled')),
          children: a('cancel_notify')
        }) :
                                    null
      ]
    }),
    children: [
      n.error ? r(te, {problem: n.error, again: n.again}) : null, s ? r('p', {children: a('fkey_remembered')}) : null,
      l && !('remembered' in l) ? r(Dt, {
        rows: [
          [a('col_state'), r(On, {state: l.state})], [a('col_id'), r(bt, {id: l.id})], [a('f_url'), r(O, {children: l.url})],
          [a('f_created'), r(Se, {at: l.created_at, full: !0, ms: !0})], [a('f_due'), r(Se, {at: l.due_at, full: !0, ms: !0})],
          [a('f_expires'), r(Se, {at: l.expires_at, full: !0, ms: !0})]
        ]
      }) :
                                  null,
      o ? r(wh, {fkey: e, close: () => i(!1), done: n.again}) : null
    ]
  })
}
function um() {
  let {query: e} = $e(), t = e.get('fkey') ?? '', n = e.get('fkey_prefix') ?? '', [o, i] = I(t || n), l = pe('read'),
              s = n ? `&fkey_prefix=${encodeURIComponent(n)}` : '', d = nt(re(`/v1/notifies?state=held&limit=100${s}`), c => c.id, 3e3);
  return r(M, {
    children: [
      r(ae, {children: a('nav_fkeys')}), r('form', {
        class: 'add-filter',
        onSubmit: c => {c.preventDefault(), ut({fkey: o.trim() || null, fkey_prefix: null}, !1)},
        children: [
          r('input', {'aria-label': a('f_fkey'), placeholder: a('fkey_find'), value: o, onInput: c => i(c.currentTarget.value)}),
          r('button', {type: 'submit', children: a('fkey_look')}),
          l ? r('button', {type: 'button', onClick: () => ut({fkey: null, fkey_prefix: o.trim() || null}, !1), children: a('fkey_begins')}) : null
        ]
      }),
      t ? r(vh, {fkey: t}, t) : null,
      l ? r(ne,
            {
              title: a('fkeys_held'),
              children: [
                d.error ? r(te, {problem: d.error, again: d.again}) : null, r(ye, {
                  label: a('fkeys_held'),
                  pages: d,
                  keyOf: c => c.id,
                  to: c => c.fkey ? L('fkeys', [], {fkey: c.fkey}) : L('notify', [c.id]),
                  empty: r(ce, {
                    title: a('fkeys_none'),
                    command: `${at()} submit http://127.0.0.1:9100/ship --fkey order-1 --data '{"order":1}'
${
                        at()} trigger order-1`
                  }),
                  columns: [
                    {
                      name: a('f_fkey'),
                      width: 'minmax(10rem, 2fr)',
                      main: !0,
                      cell: c => c.fkey ? r('a', {href: L('fkeys', [], {fkey: c.fkey}), children: r(O, {children: c.fkey})}) :
                                          r('span', {class: 'faint', children: a('held_by_group')})
                    },
                    {name: a('col_id'), width: '12.5rem', main: !0, cell: c => r(bt, {id: c.id})},
                    {name: a('f_url'), width: 'minmax(10rem, 2fr)', cell: c => r(O, {children: c.url})},
                    {name: a('col_caller'), width: 'minmax(5rem, 1fr)', hide: !0, cell: c => r(O, {children: c.caller})},
                    {name: a('held_since'), width: '8rem', right: !0, cell: c => r(Be, {at: c.created_at})},
                    {name: a('f_expires'), width: '8rem', right: !0, hide: !0, cell: c => r(Be, {at: c.expires_at})}
                  ]
                })
              ]
            }) :
          null
    ]
  })
}
function cm({group: e}) {
  return r('span', {
    class: 'lane-states',
    children: ['pending', ...rr].filter(t => (e.counts[t] ?? 0) > 0).map(t => r('span', {children: [H(e.counts[t]), ' ', et('state', t)]}, t))
  })
}
var dm = ({group: e}) => r(ee, {
  tone: e.state === 'pending'                              ? 'plain' :
      (e.counts.failed ?? 0) + (e.counts.expired ?? 0) > 0 ? 'bad' :
                                                             'good',
  icon: e.state === 'pending' ? 'half' : void 0,
  children: et('state', e.state)
});
function mm() {
  let e = nt(re('/v1/groups?limit=100'), t => t.id, 3e3);
  return r(M, {
    children: [
      r(ae, {children: a('nav_groups')}), e.error ? r(te, {problem: e.error, again: e.again}) : null, r(ye, {
        label: a('nav_groups'),
        pages: e,
        keyOf: t => t.id,
        to: t => L('group', [t.id]),
        empty: r(ce, {
          title: a('groups_none'),
          command: `echo '{"notifies":[{"url":"http://127.0.0.1:9100/stock"},{"url":"http://127.0.0.1:9100/mail"}]}' | ${at()} group create -f -`
        }),
        columns: [
          {name: a('col_state'), width: '8rem', main: !0, cell: t => r(dm, {group: t})}, {
            name: a('col_id'),
            width: '12.5rem',
            main: !0,
            cell: t => r('span', {class: 'id', children: [r('a', {href: L('group', [t.id]), children: t.id}), r(Je, {text: t.id})]})
          },
          {name: a('col_members'), width: 'minmax(12rem, 2fr)', cell: t => r(cm, {group: t})},
          {name: a('col_caller'), width: 'minmax(5rem, 1fr)', hide: !0, cell: t => r(O, {children: t.caller})},
          {name: a('f_created'), width: '8rem', right: !0, cell: t => r(Be, {at: t.created_at})}
        ]
      })
    ]
  })
}
function fm() {
  let e = $e().args[0] ?? '', t = `/v1/groups/${encodeURIComponent(e)}`, n = me(t, i => he(t, i), 1500), o = n.data;
  return o ?
      r(
          M, {
            children: [
              r(ae, {
                aside: pe('operate') && o.state === 'pending' ?
                    r(Ie, {tone: 'danger', act: async () => (await se('DELETE', t), n.again(), a('cancelled')), children: a('group_cancel')}) :
                    null,
                children: [r('span', {class: 'id', children: [o.id, r(Je, {text: o.id})]}), ' ', r(dm, {group: o})]
              }),
              r('div', {
                class: 'columns',
                children: [
                  r(ne, {
                    title: a('group_members'),
                    children: r(ye, {
                      label: a('group_members'),
                      rows: o.notifies ?? [],
                      keyOf: i => i.id,
                      to: i => L('notify', [i.id]),
                      columns: [
                        {name: a('col_state'), width: '8rem', main: !0, cell: i => r(On, {state: i.state})},
                        {name: a('col_id'), width: '12.5rem', main: !0, cell: i => r(bt, {id: i.id})},
                        {name: a('col_status'), width: '5rem', right: !0, cell: i => i.status ?? '–'},
                        {name: a('col_attempts'), width: '5rem', right: !0, cell: i => i.attempts_made},
                        {name: a('col_reason'), width: 'minmax(6rem, 1fr)', cell: i => i.reason ? r('code', {children: i.reason}) : ''}
                      ]
                    })
                  }),
                  r(ne, {
                    title: a('facts_title'),
                    children: r(Dt, {
                      rows: [
                        [a('col_members'), r(cm, {group: o})], [a('group_order'), o.sequential ? a('group_sequential') : a('group_together')],
                        [a('f_on_failure'), o.on_failure === 'cancel_rest' ? a('group_cancel_rest') : a('group_continue')],
                        [a('f_caller'), r(O, {children: o.caller})],
                        [a('f_labels'), o.labels ? r(O, {children: Object.entries(o.labels).map(([i, l]) => `${i}:${l}`).join(', ')}) : a('none')],
                        [a('f_created'), r(Se, {at: o.created_at, full: !0, ms: !0})], [a('f_settled'), r(Se, {at: o.settled_at, full: !0, ms: !0})],
                        [
                          a('f_callback'),
                          o.callback_url ?
                              r(M, {children: [r(O, {children: o.callback_url}), ' ', o.callback_id ? r(bt, {id: o.callback_id}) : null]}) :
                              a('none')
                        ]
                      ]
                    })
                  })
                ]
              })
            ]
          }) :
      n.error ? r(M, {children: [r(ae, {children: e}), r(te, {problem: n.error, again: n.again})]}) :
                r('p', {class: 'faint', children: a('loading')})
}
var ns = (e, t) => re(`/v1/lanes/${e}/${encodeURIComponent(t)}`);
function ts({lane: e, few: t = !1}) {
  return e.paused ?
      r(ee, {tone: 'warn', icon: 'held', children: [t ? null : `${a('paused')} · `, r('bdi', {title: e.own.paused_reason, children: kh(e)})]}) :
      null
}
function kh({own: e}) {
  if (!e.paused) return a('paused_by_rule');
  if (e.paused_by === 'failure') return a('paused_by_failure');
  let t = e.paused_who ? a('paused_by_who', {who: e.paused_who}) : a('paused_by_request');
  return e.paused_reason ? `${t}: ${e.paused_reason}` : t
}
function xh({own: e}) {
  let t = [];
  return e.paused_since && t.push([
    a('paused_since'), r(M, {children: [r(Be, {at: e.paused_since}), r('span', {class: 'faint', children: [' · ', _t(e.paused_since)]})]})
  ]),
         e.paused_until && t.push([
           a('paused_until'), r(M, {children: [r(Be, {at: e.paused_until}), r('span', {class: 'faint', children: [' · ', _t(e.paused_until)]})]})
         ]),
         e.paused_reason && t.push([a('paused_reason'), r('bdi', {children: e.paused_reason})]),
         e.paused_notify && t.push([a('paused_notify'), r(bt, {id: e.paused_notify})]), t
}
var pm = e => e.states.ready + e.states.retrying + e.states.sending, gm = e => Mn.reduce((t, n) => t + e.states[n], 0);
function _m({lane: e}) {
  return r(
      'span', {
        class: 'lane-states',
        children: Mn.filter(t => e.states[t] > 0)
                      .map(
                          t =>
                              r('a', {
                                href: L('notifies', [], {lane: e.name, mode: e.mode, state: t}),
                                title: et('state', t),
                                children: [r(ze, {name: t}), H(e.states[t]), r('span', {class: 'sr', children: et('state', t)})]
                              },
                                t))
      })
}
var Sh = () =>
    [{
      name: a('col_lane'),
      width: 'minmax(12rem, 3fr)',
      main: !0,
      cell: e => r('a', {href: L('lane', [e.mode, e.name]), children: r(O, {children: e.name})})
    },
     {name: a('f_mode'), width: '7rem', main: !0, cell: e => r(ee, {tone: 'plain', children: e.mode})},
     {name: a('col_waits'), width: 'minmax(10rem, 2fr)', cell: e => r(_m, {lane: e})}, {
       name: a('col_head_age'),
       width: '7rem',
       right: !0,
       cell: e => e.head_age_ms === null ? r('span', {class: 'faint', children: '–'}) : ve(e.head_age_ms)
     },
     {name: a('col_flight'), width: '6rem', right: !0, hide: !0, cell: e => `${H(e.in_flight)} / ${H(e.settings?.concurrency ?? 0)}`},
     {name: a('f_rate'), width: '6rem', right: !0, hide: !0, cell: e => e.settings?.rate_per_s ?? '–'},
     {name: a('paused'), width: 'minmax(13rem, 1.2fr)', cell: e => r(ts, {lane: e, few: !0})}];
function hm() {
  let e = Go(), t = nt(re('/v1/lanes?limit=1000' + ja(e)), o => `${o.mode}/${o.name}`, 2e3),
      n = [...t.rows].sort((o, i) => pm(i) - pm(o) || (i.head_age_ms ?? -1) - (o.head_age_ms ?? -1) || gm(i) - gm(o) || (o.name < i.name ? -1 : 1));
  return r(M, {
    children: [
      r(ae, {children: a('nav_lanes')}), r(Va, {pages: t}), t.error ? r(te, {problem: t.error, again: t.again}) : null, r(ye, {
        label: a('nav_lanes'),
        rows: n,
        pages: t,
        keyOf: o => `${o.mode}/${o.name}`,
        to: o => L('lane', [o.mode, o.name]),
        columns: Sh(),
        empty: e ? r(Ga, {prefix: e}) : r(ce, {title: a('lanes_none'), command: `${at()} submit http://127.0.0.1:9100/later --delay-ms 600000`})
      })
    ]
  })
}
function Th({lane: e, close: t, done: n}) {
  let o = e.mode === 'fifo', {rate_per_s: i, burst: l, concurrency: s, on_retry: d, on_failure: c} = e.own,
      {texts: m, set: p, save: b} = ao({rate_per_s: i, burst: l, ...o ? {on_retry: d, on_failure: c} : {concurrency: s}}, ns(e.mode, e.name)),
      y = async () => {
        let _ = await b();
        return _ || n(), _
      };
  return r(Ge, {
    title: a('limits_title', {name: e.name}),
    close: t,
    children: r(ht, {
      send: y,
      label: a('save'),
      close: t,
      children: [
        o ? null : r(be, {
          label: a('f_concurrency'),
          hint: a('limit_hint', {now: e.settings?.concurrency ?? a('unknown')}),
          children: r('input', {inputMode: 'numeric', value: m.concurrency, onInput: p('concurrency')})
        }),
        r(be, {
          label: a('f_rate'),
          hint: a('limit_hint', {now: e.settings?.rate_per_s ?? a('no_limit')}),
          children: r('input', {inputMode: 'decimal', value: m.rate_per_s, onInput: p('rate_per_s')})
        }),
        r(be, {
          label: a('f_burst'),
          hint: a('limit_hint', {now: e.settings?.burst ?? a('none')}),
          children: r('input', {inputMode: 'numeric', value: m.burst, onInput: p('burst')})
        }),
        o ? r(M, {
          children: [
            r(be, {
              label: a('f_on_retry'),
              hint: a('limit_hint', {now: e.settings?.on_retry ?? a('none')}),
              children: r('select', {
                value: m.on_retry,
                onChange: p('on_retry'),
                children: [
                  r('option', {value: '', children: a('as_the_rule')}), r('option', {value: 'block', children: a('on_retry_block')}),
                  r('option', {value: 'skip', children: a('on_retry_skip')})
                ]
              })
            }),
            r(be, {
              label: a('f_on_failure'),
              hint: a('limit_hint', {now: e.settings?.on_failure ?? a('none')}),
              children: r('select', {
                value: m.on_failure,
                onChange: p('on_failure'),
                children: [
                  r('option', {value: '', children: a('as_the_rule')}), r('option', {value: 'continue', children: a('on_failure_continue')}),
                  r('option', {value: 'pause', children: a('on_failure_pause')})
                ]
              })
            })
          ]
        }) :
            null
      ]
    })
  })
}
function Ch({lane: e, close: t, done: n}) {
  let [o, i] = I(''), [l, s] = I(''), d = l.trim() === '' ? null : $u(l), c = l.trim() !== '' && d === null;
  return r(Ge, {
    title: a('pause_title', {name: e.name}),
    close: t,
    children: r(ht, {
      label: a('pause'),
      close: t,
      disabled: c,
      send: async () => {
        let m = {paused: !0};
        o.trim() && (m.reason = o.trim()), d !== null && (m.paused_until = new Date(d).toISOString()),
            await se('PATCH', ns(e.mode, e.name), {body: m}), Re(a('paused_done', {name: e.name})), n()
      },
      children: [
        r(be, {
          label: a('paused_reason'),
          hint: a('pause_reason_hint'),
          children: r('input', {autoFocus: !0, maxLength: 200, value: o, onInput: m => i(m.currentTarget.value)})
        }),
        r(be, {
          label: a('paused_until'),
          hint: a('pause_until_hint'),
          fault: c ? a('pause_until_bad') : null,
          children: r('input', {value: l, 'aria-invalid': c, onInput: m => s(m.currentTarget.value)})
        })
      ]
    })
  })
}
function Ph({lane: e}) {
  let t = new URLSearchParams({lane: e.name, mode: e.mode, state: Vo, limit: '100'});
  e.oldest_due_at && t.set('created_before', new Date(new Date(e.oldest_due_at).getTime() + 1).toISOString());
  let n = re(`/v1/notifies?${t}`), {data: o} = me(n, l => he(n, l), 3e3), i = o?.next === null ? dc(e, o.items) : void 0;
  return i ? r(bt, {id: i.id}) : r('span', {class: 'faint', children: '–'})
}
var Nh = (e, t) => ({
  name: t,
  mode: e,
  paused: !1,
  states: {held: 0, scheduled: 0, ready: 0, sending: 0, retrying: 0},
  in_flight: 0,
  oldest_due_at: null,
  head_age_ms: null,
  settings: null,
  own: {}
});
function bm() {
  let {args: e} = $e(), [t = '', n = ''] = e, o = ns(t, n), i = me(o, y => he(o, y), 1500),
             l = nt(re(`/v1/notifies?${new URLSearchParams({lane: n, mode: t, state: Mn.join(','), limit: '100'})}`), y => y.id, 2e3), [s, d] = I(!1),
             [c, m] = I(!1), p = i.data ?? (i.error?.status === 404 && (t === 'fifo' || t === 'concurrent') ? Nh(t, n) : null);
  if (!p)
    return i.error ? r(M, {children: [r(ae, {children: r(O, {children: n})}), r(te, {problem: i.error, again: i.again})]}) :
                     r('p', {class: 'faint', children: a('loading')});
  let b = async () => (await se('PATCH', o, {body: {paused: !1}}), i.again(), a('resumed_done', {name: n}));
  return r(M,{children:[r(ae,{aside:pe('operate')&&Bt()?r(M,{children:[p.paused?r(Ie,{tone:'main',act:b,children:a('resume')}):r('button',{type:'button',onClick:()=>m(!0),children:a('pause_how')}),r('button',{type:'button',onClick:()=>d(!0),children:a('limits')})]}):null,children:[r(O,{children:p.name}),' ',r(Je,{text:p.name}),' ',r(ee,{tone:'plain',children:p.mode}),' ',r(ts,{lane:p})]}),r('div',{class:'columns',children:[r(ne,{title:a('lane_waiting'),aside:r('a',{href:L('notifies',[],{lane:n,mode:t}),children:a('newest_all')}),children:[l.error?r(te,{problem:l.error}):null,r(ye,{label:a('lane_waiting'),pages:l,keyOf:y=>y.id,to:y=>L('notify',[y.id]),columns:xr(!0),empty:r(ce,{title:a('lane_empty')})})]}),r(ne,{title:a('facts_title'),children:r(Dt,{rows:[[a('f_head'),r(Ph,{lane:p})],[a('col_head_age'),p.head_age_ms===null?r('span',{class:'faint',children:'–'}):r(M,{children:[ve(p.head_age_ms),p.oldest_due_at?r('span',{class:'faint',children:[' · ',_t(p.oldest_due_at)]}):null]})],[a('col_waits'),r(_m,{lane:p})],[a('col_flight'),p.settings?`${H(p.in_flight)} / ${H(p.settings.concurrency)}`:H(p.in_flight)],[a('f_rate'),p.settings?.rate_per_s??a('no_limit')],[a('f_burst'),p.settings?.burst??'–'],...p.mode==='fifo'?[[a('f_on_retry'),p.settings?.on_retry==='skip'?a('on_retry_skip'):a('on_retry_block')],[a('f_on_failure'),p.settings?.on_failure==='pause'?a('on_failure_pause'):a('on_failure_continue')]]:[],[a('paused'),p.paused?r(ts,{lane:p}):a('no')],...xh(p)]})})]}),c?r(Ch,{lane:p,close:()=>m(!1),done:i.again}):null,s?r(Th,{lane:p,close:()=>d(!1),done:i.again}):null]})
}
var ym = e => e.cron !== null ? `${e.cron} (${e.timezone})` : a('every', {d: ve(e.every_ms ?? 0)}),
    Mh = e => String(e.notify?.url ?? (e.publish ? `${a('f_topic')} ${e.publish.topic}` : '')),
    Ah = {made: 'good', by_hand: 'good', skipped: 'warn', missed: 'bad'};
function wm({name: e, done: t}) {
  return pe('operate') ? r(Ie, {
    small: !0,
    act: async () => {
      let {body: n} = await se('POST', re(`/v1/schedules/${encodeURIComponent(e)}/run`));
      return t(), Vt(L('matched' in n ? 'event' : 'notify', [n.id])), a('run_begun')
    },
    children: a('run_now')
  }) :
                         null
}
function vm() {
  let e = nt(re('/v1/schedules?limit=200'), t => t.name, 3e3);
  return r(M, {
    children: [
      r(ae, {children: a('nav_schedules')}), e.error ? r(te, {problem: e.error, again: e.again}) : null, r(ye, {
        label: a('nav_schedules'),
        pages: e,
        keyOf: t => t.name,
        to: t => L('schedule', [t.name]),
        empty: r(ce, {
          title: a('schedules_none'),
          command: `${at()} schedule put nightly --cron '0 3 * * *' --timezone Europe/Berlin --notify '{"url":"http://127.0.0.1:9100/nightly"}'`
        }),
        columns: [
          {
            name: a('name'),
            width: 'minmax(8rem, 1fr)',
            main: !0,
            cell: t => r('a', {href: L('schedule', [t.name]), children: r(O, {children: t.name})})
          },
          {
            name: a('col_state'),
            width: '8rem',
            main: !0,
            cell: t => t.paused     ? r(ee, {tone: 'warn', icon: 'held', children: a('paused')}) :
                t.next.length === 0 ? r(ee, {tone: 'plain', children: a('over')}) :
                                      r(ee, {tone: 'good', children: a('active')})
          },
          {name: a('times'), width: 'minmax(10rem, 1.5fr)', cell: t => r(O, {children: ym(t)})},
          {name: a('col_call'), width: 'minmax(10rem, 2fr)', hide: !0, cell: t => r(O, {children: Mh(t)})},
          {name: a('next_run'), width: '8rem', right: !0, cell: t => r(Be, {at: t.next[0]})},
          {name: a('missed'), width: '5rem', right: !0, hide: !0, cell: t => H(t.missed_total)},
          {name: a('actions'), width: '8rem', hide: !0, cell: t => r(wm, {name: t.name, done: e.again})}
        ]
      })
    ]
  })
}
function km() {
  let e = $e().args[0] ?? '', t = re(`/v1/schedules/${encodeURIComponent(e)}`), n = me(t, l => Oo(t, l), 2e3), o = n.data;
  if (!o)
    return n.error ? r(M, {children: [r(ae, {children: r(O, {children: e})}), r(te, {problem: n.error, again: n.again})]}) :
                     r('p', {class: 'faint', children: a('loading')});
  let i = l => async () => (await se('PATCH', t, {body: {paused: l}}), n.again(), l ? a('paused_done', {name: e}) : a('resumed_done', {name: e}));
  return r(M,{children:[r(ae,{aside:r(M,{children:[r(wm,{name:e,done:n.again}),pe('operate')?o.paused?r(Ie,{tone:'main',act:i(!1),children:a('resume')}):r(Ie,{act:i(!0),children:a('pause')}):null,r('a',{class:'button',href:L('notifies',[],{schedule:e}),children:a('nav_notifies')})]}),children:[r(O,{children:o.name}),' ',r(Je,{text:o.name}),' ',o.paused?r(ee,{tone:'warn',icon:'held',children:a('paused')}):null]}),r('div',{class:'columns',children:[r(ne,{title:a('runs_title'),children:r(ye,{label:a('runs_title'),rows:o.runs??[],keyOf:l=>l.scheduled_at+l.at,to:l=>l.notify?L('notify',[l.notify]):l.event?L('event',[l.event]):L('schedule',[e]),empty:r(ce,{title:a('runs_none')}),columns:[{name:a('times'),width:'11rem',main:!0,cell:l=>r(Se,{at:l.scheduled_at})},{name:a('outcome'),width:'8rem',main:!0,cell:l=>r(ee,{tone:Ah[l.outcome],children:[et('run',l.outcome),l.count>1?` × ${H(l.count)}`:'']})},{name:a('made'),width:'minmax(10rem, 1fr)',cell:l=>l.notify?r(bt,{id:l.notify}):l.event?r('a',{href:L('event',[l.event]),children:l.event}):r('code',{children:l.reason??'–'})}]})}),r('div',{children:[r(ne,{title:a('facts_title'),children:r(Dt,{rows:[[a('times'),r(O,{children:ym(o)})],[a('next_run'),o.next.length===0?a('none'):r('ul',{children:o.next.map(l=>r('li',{children:r(Se,{at:l,full:!0})},l))})],[a('missed'),`${H(o.missed_total)} · ${o.missed}`],[a('overlap'),o.overlap],[a('f_made'),r(Se,{at:o.created_at,full:!0})]]})}),r(ne,{title:a('template'),children:r(tt,{label:a('template'),children:Ft(Object.fromEntries(Object.entries(o.notify??o.publish??{}).filter(([,l])=>l!==null)),void 0,2)})})]})]})]})
}
function xm({row: e}) {
  return e.enabled ? e.paused ? r(ee, {tone: 'warn', icon: 'held', children: e.paused_by === 'unreachable' ? a('paused_unreachable') : a('paused')}) :
                                r(ee, {tone: 'good', children: e.catching_up ? a('catching_up') : a('active')}) :
                     r(ee, {tone: 'plain', icon: 'cancelled', children: a('disabled')})
}
function Sm() {
  let {query: e} = $e(), t = e.get('subscription'), n = nt(re('/v1/topics?limit=200'), i => i.name, 5e3),
              o = nt(re('/v1/subscriptions?limit=200'), i => i.name, 3e3);
  return r(M, {
    children: [
      r(ae, {children: a('nav_topics')}), r(ne, {
        title: a('subscriptions_title'),
        children: [
          o.error ? r(te, {problem: o.error, again: o.again}) : null, r(ye, {
            label: a('subscriptions_title'),
            pages: o,
            keyOf: i => i.name,
            to: i => L('topics', [], {subscription: i.name}),
            empty: r(
                ce, {title: a('subscriptions_none'), command: `${at()} subscription set mailer --topic 'order.*' --url http://127.0.0.1:9100/mail`}),
            columns: [
              {
                name: a('name'),
                width: 'minmax(8rem, 1fr)',
                main: !0,
                cell: i => r('a', {href: L('topics', [], {subscription: i.name}), children: r(O, {children: i.name})})
              },
              {name: a('col_state'), width: '11rem', main: !0, cell: i => r(xm, {row: i})},
              {name: a('col_pattern'), width: 'minmax(7rem, 1fr)', cell: i => r(O, {children: i.topic})},
              {name: a('f_url'), width: 'minmax(10rem, 2fr)', hide: !0, cell: i => r(O, {children: i.url})}, {
                name: a('tile_pending'),
                width: '6rem',
                right: !0,
                cell: i =>
                    r('a', {href: L('notifies', [], {subscription: i.name, state: 'held,scheduled,ready,sending,retrying'}), children: H(i.pending)})
              },
              {
                name: a('failing'),
                width: '6rem',
                right: !0,
                hide: !0,
                cell: i => r('a', {href: L('notifies', [], {subscription: i.name, state: 'failed,retrying'}), children: a('look')})
              },
              {name: a('skipped'), width: '6rem', right: !0, hide: !0, cell: i => H(i.skipped)}
            ]
          })
        ]
      }),
      t ? r(Dh, {name: t}, t) : null, r(ne, {
        title: a('topics_title'),
        children: [
          n.error ? r(te, {problem: n.error, again: n.again}) : null, r(ye, {
            label: a('topics_title'),
            pages: n,
            keyOf: i => i.name,
            to: i => L('topic', [i.name]),
            empty: r(ce, {title: a('topics_none'), command: `${at()} topic set order.paid`}),
            columns: [
              {
                name: a('f_topic'),
                width: 'minmax(10rem, 2fr)',
                main: !0,
                cell: i => r('a', {href: L('topic', [i.name]), children: r(O, {children: i.name})})
              },
              {name: a('retention'), width: '8rem', main: !0, cell: i => i.retention_ms === 0 ? a('as_notifies') : ve(i.retention_ms)},
              {name: a('nav_notifies'), width: '9rem', right: !0, cell: i => r('a', {href: L('notifies', [], {topic: i.name}), children: a('look')})}
            ]
          })
        ]
      })
    ]
  })
}
function Lh({name: e, close: t}) {
  let [n, o] = I('02:00'), [i, l] = I(''), [s, d] = I(null), c = Me(null), m = async () => {
    let p = En(n), b = i.trim() === '' ? await Wa() : En(i);
    if (d(p === null ? 'from' : b === null ? 'to' : null), p === null || b === null) return !1;
    let y = JSON.stringify([n, i]);
    c.current?.texts !== y && (c.current = {texts: y, begin: p, end: b, key: vu()});
    let _ = {from: new Date(c.current.begin).toISOString(), to: new Date(c.current.end).toISOString()},
        {body: v} = await se('POST', re(`/v1/subscriptions/${encodeURIComponent(e)}/replay`), {body: {..._, idempotency_key: c.current.key}});
    Re(v.duplicate ? a('replay_was') : v.accepted === null ? a('replay_later') : a('replay_made', {n: H(v.accepted)}))
  };
  return r(Ge, {
    title: a('replay_title', {name: e}),
    close: t,
    children: r(ht, {
      send: m,
      label: a('replay_go'),
      close: t,
      children: [
        r(be, {
          label: a('replay_from'),
          hint: a('time_hint'),
          fault: s === 'from' ? a('time_bad') : null,
          children: r('input', {autoFocus: !0, 'aria-invalid': s === 'from', value: n, onInput: p => o(p.currentTarget.value)})
        }),
        r(be, {
          label: a('replay_to'),
          hint: a('replay_now'),
          fault: s === 'to' ? a('time_bad') : null,
          children: r('input', {'aria-invalid': s === 'to', value: i, onInput: p => l(p.currentTarget.value)})
        })
      ]
    })
  })
}
function Dh({name: e}) {
  let t = re(`/v1/subscriptions/${encodeURIComponent(e)}`), n = me(t, s => Oo(t, s), 2e3), {query: o} = $e(), i = n.data,
      l = i?.lane ?? `subscription/${e}`;
  return r(ne, {
    id: 'subscription',
    title: r(O, {children: e}),
    aside: r(M, {
      children: [
        pe('operate') && Bt() ? r('button', {type: 'button', onClick: () => ut({do: 'replay'}), children: a('replay')}) : null,
        r('a', {class: 'button', href: i?.order_by ? L('lanes', [], {prefix: l}) : L('lane', [i?.mode ?? 'concurrent', l]), children: a('to_lane')}),
        r('a', {class: 'button', href: L('notifies', [], {subscription: e}), children: a('nav_notifies')})
      ]
    }),
    children: [
      n.error ? r(te, {problem: n.error, again: n.again}) : null,
      i ? r(M,
            {
              children: [
                r(Dt, {
                  rows: [
                    [a('col_state'), r(xm, {row: i})], [a('col_pattern'), r(O, {children: i.topic})], [a('f_url'), r(O, {children: i.url})],
                    [a('tile_pending'), H(i.pending)], [a('skipped'), H(i.skipped)], [a('f_made'), r(Se, {at: i.created_at, full: !0})]
                  ]
                }),
                i.filter ? r(M, {children: [r('h3', {children: a('filters')}), r(tt, {label: a('filters'), children: Ft(i.filter, void 0, 2)})]}) :
                           null
              ]
            }) :
          null,
      o.get('do') === 'replay' ? r(Lh, {name: e, close: () => ut({do: null})}) : null
    ]
  })
}
function Tm() {
  let e = $e().args[0] ?? '', t = nt(re(`/v1/topics/${encodeURIComponent(e)}/events?limit=100`), n => n.id, 3e3);
  return r(M, {
    children: [
      r(ae, {
        aside: r('a', {class: 'button', href: L('notifies', [], {topic: e}), children: a('nav_notifies')}),
        children: [r(O, {children: e}), ' ', r(Je, {text: e})]
      }),
      t.error ? r(te, {problem: t.error, again: t.again}) : null, r(ye, {
        label: a('events_title'),
        pages: t,
        keyOf: n => n.id,
        to: n => L('event', [n.id]),
        empty: r(ce, {title: a('events_none'), command: `${at()} publish --data '{"order":1}' ${Ta(e)}`}),
        columns: [
          {
            name: a('f_event'),
            width: '12.5rem',
            main: !0,
            cell: n => r('span', {class: 'id', children: [r('a', {href: L('event', [n.id]), children: n.id}), r(Je, {text: n.id})]})
          },
          {name: a('matched'), width: '7rem', right: !0, main: !0, cell: n => n.matched === null ? '…' : H(n.matched)},
          {name: a('event_key'), width: 'minmax(6rem, 1fr)', cell: n => n.key ? r(O, {children: n.key}) : r('span', {class: 'faint', children: '–'})},
          {name: a('col_caller'), width: 'minmax(5rem, 1fr)', hide: !0, cell: n => r(O, {children: n.caller})},
          {name: a('published'), width: '9rem', right: !0, cell: n => r(Be, {at: n.published_at})}
        ]
      })
    ]
  })
}
function Cm() {
  let e = $e().args[0] ?? '', t = `/v1/events/${encodeURIComponent(e)}`, n = me(t, i => Oo(t, i), 2e3), o = n.data;
  return o    ? r(M, {
       children: [
      r(ae, {
           aside: pe('operate') && Bt() ? r(Ie, {
             act: async () => {
               let {body: i} = await se('POST', `${t}/replay`, {body: {}});
               return n.again(), i.accepted === null ? a('replay_later') : a('replay_made', {n: H(i.accepted)})
          },
             children: a('replay_event')
           }) :
                                          null,
           children: r('span', {class: 'id', children: [o.id, r(Je, {text: o.id})]})
         }),
         r('div', {
           class: 'columns',
           children: [
          r(ne, {
               title: a('event_made'),
               children: r(ye, {
                 label: a('event_made'),
                 rows: o.notifies ?? [],
                 keyOf: i => i.id,
                 to: i => L('notify', [i.id]),
                 empty: r(ce, {title: a('event_none')}),
                 columns: [
                {name: a('col_state'), width: '8rem', main: !0, cell: i => r(On, {state: i.state})},
                {name: a('col_id'), width: '12.5rem', main: !0, cell: i => r(bt, {id: i.id})},
                {name: a('f_subscription'), width: 'minmax(8rem, 1fr)', cell: i => r(O, {children: i.subscription})}
              ]
            })
          }),
          r(ne, {
               title: a('facts_title'),
               children: [
              r(Dt, {
                   rows: [
                  [a('f_topic'), r('a', {href: L('topic', [o.topic]), children: r(O, {children: o.topic})})],
                  [a('published'), r(Se, {at: o.published_at, full: !0, ms: !0})], [a('event_key'), o.key ? r(O, {children: o.key}) : a('none')],
                  [a('f_caller'), r(O, {children: o.caller})], [a('matched'), o.matched === null ? '…' : H(o.matched)]
                ]
              }),
              o.data === void 0 && o.body === void 0 ?
                     r('p', {class: 'faint', children: a('no_bodies')}) :
                     r(tt, {label: a('f_data'), children: o.data !== void 0 && o.data !== null ? Ft(o.data, void 0, 2) : o.body ?? ''})
            ]
          })
           ]
      })
       ]
     }) :
      n.error ? r(M, {children: [r(ae, {children: e}), r(te, {problem: n.error, again: n.again})]}) :
                r('p', {class: 'faint', children: a('loading')})
}
function Pm() {
  let [e, t] = I('http://127.0.0.1:9100/orders'), [n, o] = I('{"order":1}'), [i, l] = I('concurrent'), [s, d] = I(''), [c, m] = I(''), [p, b] = I(''),
          y = {url: e}, _ = '';
  if (n.trim() !== '') try {
      y.data = Qr(n)
    } catch (x) {
      _ = String(x)
    }
  i !== 'concurrent' && (y.mode = i), s.trim() !== '' && (y.lane = s.trim()), p.trim() !== '' && (y.fkey = p.trim()),
      c.trim() !== '' && (y.delay_ms = Math.round(Number(c) * 1e3));
  let v = async () => {
    if (_) return _;
    let x = await se('POST', re('/v1/notifies'), {body: y});
    Vt(L('notify', [x.body.id]))
  };
  return r(M, {
    children: [
      r(ae, {children: a('submit_title')}), r('div', {
        class: 'columns',
        children: [
          r(ht, {
            classes: 'panel',
            label: a('submit_go'),
            send: v,
            children: [
              r(be, {label: a('f_url'), children: r('input', {required: !0, value: e, spellcheck: !1, onInput: x => t(x.currentTarget.value)})}),
              r(be, {
                label: a('f_data'),
                hint: a('submit_data_hint'),
                children: r('textarea', {rows: 6, spellcheck: !1, value: n, onInput: x => o(x.currentTarget.value)})
              }),
              r(be, {
                label: a('f_mode'),
                children: r('select', {
                  value: i,
                  onChange: x => l(x.currentTarget.value),
                  children:
                      [r('option', {value: 'concurrent', children: a('mode_concurrent')}), r('option', {value: 'fifo', children: a('mode_fifo')})]
                })
              }),
              r(be, {label: a('f_lane'), hint: a('submit_lane_hint'), children: r('input', {value: s, onInput: x => d(x.currentTarget.value)})}),
              r(be, {
                label: a('change_delay'),
                hint: a('submit_delay_hint'),
                children: r('input', {inputMode: 'decimal', value: c, onInput: x => m(x.currentTarget.value)})
              }),
              r(be, {label: a('f_fkey'), hint: a('submit_fkey_hint'), children: r('input', {value: p, onInput: x => b(x.currentTarget.value)})})
            ]
          }),
          r(ne, {title: a('as_command'), children: _ ? r('p', {class: 'faint', children: _}) : r(tt, {children: Ki(y, Lt())})})
        ]
      })
    ]
  })
}
var Nm = {
  overview: {title: 'nav_overview', shown: nm},
  destinations: {title: 'nav_destinations', shown: om},
  destination: {title: 'nav_destinations', shown: am},
  service: {title: 'nav_destinations', shown: sm},
  lanes: {title: 'nav_lanes', shown: hm},
  lane: {title: 'nav_lanes', shown: bm},
  fkeys: {title: 'nav_fkeys', shown: um},
  groups: {title: 'nav_groups', shown: mm},
  group: {title: 'nav_groups', shown: fm},
  topics: {title: 'nav_topics', shown: Sm},
  topic: {title: 'nav_topics', shown: Tm},
  event: {title: 'nav_topics', shown: Cm},
  schedules: {title: 'nav_schedules', shown: vm},
  schedule: {title: 'nav_schedules', shown: km},
  callers: {title: 'nav_callers', shown: Pc},
  cluster: {title: 'nav_cluster', shown: ic},
  namespaces: {title: 'nav_namespaces', shown: vc},
  tokens: {title: 'nav_tokens', shown: kc},
  audit: {title: 'nav_audit', shown: xc},
  alerts: {title: 'nav_alerts', shown: Tc},
  notifies: {title: 'nav_notifies', shown: hc},
  notify: {title: 'nav_notifies', shown: wc},
  submit: {title: 'nav_submit', shown: Pm, own: !0}
},
    mi = e => Object.hasOwn(Nm, e) ? Nm[e] : void 0;
var os =
        [
          {
            title: 'nav_look',
            pages: [['overview', ['read']], ['destinations', ['read']], ['lanes', ['read']], ['callers', ['read']], ['alerts', ['read']]]
          },
          {title: 'nav_find', pages: [['notifies', ['read']], ['fkeys', ['read', 'submit']], ['submit', ['submit']]]},
          {title: 'nav_make', pages: [['groups', ['read']], ['topics', ['read']], ['schedules', ['read']]]},
          {title: 'nav_admin', pages: [['namespaces', ['read', 'admin']], ['cluster', ['admin']], ['tokens', ['admin']], ['audit', ['admin']]]}
        ],
    Am = e => os.flatMap(t => t.pages).find(([t]) => t === e)?.[1] ?? [];
function rs() {
  for (let e of os)
    for (let [t, n] of e.pages)
      if (pe(...n)) return t;
  return 'overview'
}
function Eh({page: e, close: t}) {
  let n = _e(Gt), o = Uo(n)?.firing ?? 0, i = $a(e), l = i && !mi(e)?.own ? i : e;
  return r('nav', {
    id: 'nav',
    'aria-label': a('nav_title'),
    children: os.map(s => {
      let d = s.pages.filter(([c, m]) => pe(...m) && (c !== 'lanes' || Bt()) && (c !== 'alerts' || ku()) && (c !== 'cluster' || Xr()));
      return d.length===0?null:r('div',{children:[r('h2',{children:a(s.title)}),r('ul',{children:d.map(([c])=>r('li',{children:r('a',{href:L(c),'aria-current':l===c?'page':void 0,onClick:t,children:[a(`nav_${c}`),c==='alerts'&&o>0?r('span',{class:'pill',children:o}):null,Ro.some(([,m])=>m===c)?r('kbd',{'aria-hidden':'true',children:['g ',Ro.find(([,m])=>m===c)[0]]}):null]})},c))})]},s.title)
    })
  })
}
function Oh({page: e}) {
  return r(M, {children: [r(ae, {children: a(`nav_${e}`)}), r(te, {problem: new He(403, '', a('page_scopes', {scopes: Am(e).join(', ')}))})]})
}
function Fh() {
  return r(M, {
    children:
        [r(ae, {children: a('nowhere_title')}), r('p', {children: [a('nowhere_text'), ' ', r('a', {href: L(rs()), children: a('nowhere_back')})]})]
  })
}
function $h() {
  let [e, t] = I('');
  return r('form', {
    role: 'search',
    onSubmit: n => {
      n.preventDefault();
      let o = Qs(e, En);
      if (o) {
        if ('strange' in o) return Re(a('search_strange', {text: o.strange}), !0);
        t(''), document.activeElement?.blur(), Vt('id' in o ? L('notify', [o.id]) : L('notifies', [], Ui(o.filter)))
      }
    },
    children: [
      r(ze, {name: 'search'}), r('input', {
        id: 'search',
        type: 'search',
        'aria-label': a('search'),
        placeholder: a('search_hint'),
        value: e,
        autocomplete: 'off',
        spellcheck: !1,
        onInput: n => t(n.currentTarget.value)
      })
    ]
  })
}
function Rh() {
  let e = me('/v1/namespaces?limit=1000', i => he('/v1/namespaces?limit=1000', i), 6e4), t = Lt(), n = (e.data?.items ?? []).map(i => i.name);
  n.includes(t) || n.unshift(t);
  let {page: o} = $e();
  return r('label', {
    class: 'spaces',
    children: [
      r('span', {children: a('namespace')}), r('select', {
        'aria-label': a('namespace'),
        value: t,
        onChange: i => Vt(L($a(o) ?? o, [], {ns: i.currentTarget.value})),
        children: n.map(i => r('option', {children: i}, i))
      })
    ]
  })
}
function Ih() {
  let e = [
    ['j  k', a('key_move')], ['Enter', a('key_open')], ['/', a('key_search')], ['Esc', a('key_close')], ['T', a('key_theme')], ['?', a('key_help')],
    ...Ro.map(([t, n]) => [`g ${t}`, a(`nav_${n}`)])
  ];
  return r(Ge, {
    title: a('keys_help'),
    close: () => $o.set(!1),
    children: r(
        'dl',
        {class: 'keys', children: e.map(([t, n]) => r('div', {children: [r('dt', {children: r('kbd', {children: t})}), r('dd', {children: n})]}, t))})
  })
}
function Hh() {
  let e = _e(We);
  if (e.state !== 'open') return null;
  let {who: t} = e, n = pe('operate', 'admin', 'submit');
  return r('span', {
    class: 'who',
    title: t.asked ? a('who', {name: t.name}) : a('who_anybody'),
    children: [
      t.asked ? r('bdi', {children: t.name}) : null, n ? null : r('span', {class: 'badge t-plain', children: a('read_only')}),
      t.asked && Wh() ? r('button', {type: 'button', class: 'small', onClick: Cu, children: a('log_out')}) : null
    ]
  })
}
var Wh = () => {
  try {
    return sessionStorage.getItem('notifyd.token') !== null
  } catch {
    return !1
  }
};
function Mm() {
  let e = _e(sn), t = _e(pl), n = _e($n);
  return e === null && t === null ? null : r('div', {
    class: 'banner bad',
    role: 'alert',
    children: [
      r(ze, {name: 'bad'}),
      e !== null ? a('down', {time: hn(e)}) :
          n      ? a('stale_refused', {time: hn(t), why: eo(n.detail || a('error_other', {status: n.status}))}) :
                   a('stale', {time: hn(t)})
    ]
  })
}
function Bh() {
  let e = _e(Gt), t = Uo(e)?.undelivered ?? 0;
  return t === 0 ? null : r('div', {
    class: 'banner warn',
    role: 'alert',
    children: [r(ze, {name: 'warn'}), r('a', {href: L('alerts'), children: a('alerts_undelivered', {n: t})})]
  })
}
function Lm() {
  let e = _e(We), t = _e(Ln), n = _e(Un), o = _e(jn), i = _e($o), l = $e(), [s, d] = I(!1), c = Me(null),
      m = e.state === 'open' && l.page === 'overview' && !pe('read') ? rs() : l.page, p = m + '/' + l.args.join('/');
  Fe(() => (document.addEventListener('keydown', ml), () => document.removeEventListener('keydown', ml)), []),
      Fe(() => {d(!1), c.current?.focus({preventScroll: !0}), window.scrollTo(0, 0)}, [p]);
  let b = mi(m)?.shown ?? Fh, y = Am(m);
  Fe(() => {
    let v = mi(m)?.title;
    document.title = (l.args.length > 0 ? eo(l.args[l.args.length - 1]) + ' · ' : '') + (v ? a(v) + ' · ' : '') + 'notifyd'
  }, [p, t]);
  let _ = r('span', {
    class: 'tools',
    children: [
      r('button', {
        type: 'button',
        class: 'plain',
        lang: t === 'zh' ? 'en' : 'zh-CN',
        onClick: () => Du(t === 'zh' ? 'en' : 'zh'),
        children: a('language_switch')
      }),
      r('button', {
        type: 'button',
        class: 'plain',
        'aria-label': a('theme_switch', {theme: n === 'dark' ? a('theme_light') : a('theme_dark')}),
        onClick: Fa,
        children: r(ze, {name: n === 'dark' ? 'sun' : 'moon'})
      })
    ]
  });
  return e.state !== 'open' ?
      r('div', {
        class: 'alone',
        children: [
          r('header', {class: 'top', children: [r('span', {class: 'brand', children: 'notifyd'}), _]}), r(Mm, {}), r('main', {
            children: e.state === 'login' ? r(tc, {session: e}) :
                e.problem                 ? r(te, {problem: e.problem}) :
                                            r('p', {class: 'faint', children: a('loading')})
          }),
          r(cl, {})
        ]
      }) :
      r('div', {
        class: 'app' + (s ? ' menu-open' : ''),
        children: [
          r('a', {class: 'skip', href: '#main', onClick: v => {v.preventDefault(), c.current?.focus()}, children: a('skip')}), r('header', {
            class: 'top',
            children: [
              r('button', {
                type: 'button',
                class: 'plain menu',
                'aria-label': a('menu'),
                'aria-expanded': s,
                'aria-controls': 'nav',
                onClick: () => d(!s),
                children: r(ze, {name: 'menu'})
              }),
              r('a', {class: 'brand', href: L(rs()), children: 'notifyd'}),
              r('span', {class: 'pulse' + (o ? ' on' : ''), role: 'status', children: o ? a('live_on') : a('live_waits')}), r(Rh, {}), r($h, {}),
              r(Hh, {}), r('button', {type: 'button', class: 'plain help', 'aria-label': a('keys_help'), onClick: () => $o.set(!0), children: '?'}), _
            ]
          }),
          r(Ju, {}), r(Eh, {page: m, close: () => d(!1)}),
          r('main',
            {ref: c, id: 'main', tabIndex: -1, children: [r(Mm, {}), r(Bh, {}), y.length === 0 || pe(...y) ? r(b, {}, p + Lt()) : r(Oh, {page: m})]}),
          i ? r(Ih, {}) : null, r(cl, {})
        ]
      })
}
qs(r(Lm, {}), document.getElementById('app'));
ec();
Su();
il();
