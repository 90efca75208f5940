(function () {
  'use strict';
  var tip = document.getElementById('tip'), told = null;
  var SVG = 'http://www.w3.org/2000/svg';

  function each(list, act) { Array.prototype.forEach.call(list, act); }
  function data(id) { return JSON.parse(document.querySelector('script[data-for="' + id + '"]').textContent); }
  function grouped(n) { return String(n).replace(/\B(?=(\d{3})+(?!\d))/g, ','); }
  // Tenths of a percent, rounded half to even, as the file's own tables are.
  function permille(part, whole) {
    if (!whole) { return 0; }
    var quotient = Math.floor(part * 1000 / whole), twice = (part * 1000 - quotient * whole) * 2;
    return quotient + (twice > whole || (twice === whole && quotient % 2 === 1) ? 1 : 0);
  }
  function tenths(n) { return (n < 0 ? '−' : '') + Math.floor(Math.abs(n) / 10) + '.' + Math.abs(n) % 10; }
  function money(n) {
    var cents = Math.abs(n);
    return (n < 0 ? '−' : '') + grouped(Math.floor(cents / 100)) + '.' + String(cents % 100).padStart(2, '0');
  }

  // Tooltips: what a place says, on hover and on focus.
  function show(place) {
    var text = place.getAttribute('aria-label');
    if (!text) { return; }
    told = place;
    tip.textContent = text;
    tip.hidden = false;
    var at = place.getBoundingClientRect(), box = tip.getBoundingClientRect();
    var left = Math.min(Math.max(8, at.left + at.width / 2 - box.width / 2), window.innerWidth - box.width - 8);
    var above = at.top - box.height - 6;
    tip.style.left = Math.max(8, left) + 'px';
    tip.style.top = (above > 4 ? above : Math.min(at.bottom + 6, window.innerHeight - box.height - 4)) + 'px';
  }
  function hide() { told = null; tip.hidden = true; }
  function spoken(target) { return target.closest && target.closest('[data-cell],.place'); }
  // What is scrolled under a pointer that rests is not pointed at.
  var rests = '';
  function where(event) { return event.clientX + ' ' + event.clientY; }
  document.addEventListener('pointermove', function (event) { rests = where(event); });
  document.addEventListener('pointerover', function (event) {
    if (where(event) === rests) { return; }
    var place = spoken(event.target);
    if (place) { show(place); } else { hide(); }
  });
  document.addEventListener('focusin', function (event) {
    var place = spoken(event.target);
    if (place) { show(place); } else { hide(); }
  });
  document.addEventListener('focusout', hide);
  // What is focused is scrolled into sight, and the tooltip goes with it.
  document.addEventListener('scroll', function () {
    var at = told && told.getBoundingClientRect();
    if (at && at.bottom > 0 && at.top < window.innerHeight) { show(told); } else { tip.hidden = true; }
  }, true);
  document.addEventListener('keydown', function (event) {
    if (event.key === 'Escape') { hide(); }
    var place = spoken(event.target), next = null;
    if (!place) { return; }
    var inMap = place.hasAttribute('data-cell');
    var line = place.parentNode;
    var row = Array.prototype.filter.call(line.children, function (one) { return one.matches('[data-cell],.place'); });
    var here = row.indexOf(place);
    if (event.key === 'ArrowRight') { next = row[here + 1]; }
    if (event.key === 'ArrowLeft') { next = row[here - 1]; }
    if (event.key === 'Home') { next = row[0]; }
    if (event.key === 'End') { next = row[row.length - 1]; }
    if (inMap && (event.key === 'ArrowDown' || event.key === 'ArrowUp')) {
      var other = event.key === 'ArrowDown' ? line.nextElementSibling : line.previousElementSibling;
      var cell = other && other.children[place.cellIndex];
      next = cell && cell.hasAttribute('data-cell') ? cell : null;
    }
    if (/^Arrow|^Home$|^End$/.test(event.key)) { event.preventDefault(); }
    if (next) {
      place.setAttribute('tabindex', '-1');
      next.setAttribute('tabindex', '0');
      next.focus();
    }
  });

  // The heat map: what a segment's cells show.
  function heat(figure) {
    var all = data(figure.dataset.heat), rows = figure.querySelectorAll('.map tbody tr:not(.pooled)');
    var pooled = figure.querySelector('.map .pooled'), chosen = figure.querySelector('select');
    var says = figure.querySelector('[data-says]'), first = true;
    var caption = figure.querySelector('figcaption p'), shares = caption.textContent;

    function shown(measure, block, row, age) {
      var retained = block.r[row][age];
      if (retained === undefined || retained === null) { return null; }
      var size = block.s[row], begun = null, place = 0;
      block.p[row].forEach(function (one) { if (one[0] === age) { begun = one; } else if (one[0] < age) { place -= 1; } });
      place += age;
      for (var gap = 0; gap < age; gap += 1) { if (block.r[row][gap] === null) { place -= 1; } }
      var rate = begun ? (begun[1] ? permille(begun[2], begun[1]) : permille(retained, size)) : permille(retained, size);
      var label = 'Cohort ' + all.cohorts[row] + ', age ' + all.ages[age] + ': ';
      if (begun) {
        label += 'in progress, ' + grouped(retained) + ' of ' + grouped(size) + ' retained so far; exposed ' + grouped(begun[1]);
        if (begun[1]) { label += ', of whom ' + grouped(begun[2]) + ' retained (' + tenths(rate) + ' %)'; }
      } else {
        var low = rate - block.i[row][2 * place], high = rate + block.i[row][2 * place + 1];
        label += tenths(rate) + ' % retained (' + all.level + ' % interval ' + tenths(low) + ' to ' + tenths(high) + ' %); ' +
          grouped(retained) + ' of n = ' + grouped(size) + ', exposed ' + grouped(size);
      }
      var cell = { begun: begun !== null, label: label, text: '', value: null };
      if (measure.kind === 'percent') { cell.text = tenths(rate); cell.value = rate; }
      if (measure.kind === 'counts') { cell.text = grouped(retained); cell.value = retained; }
      if (measure.currency !== undefined && block.v) {
        var key = { each: 'e', total: 't', kept: 'k' }[measure.kind];
        var found = block.v[measure.currency][key][row], value = found ? found[age] : null;
        if (value !== null && value !== undefined) {
          cell.value = value;
          cell.text = measure.kind === 'kept' ? tenths(value) : money(value);
          cell.label += '. ' + measure.name + ': ' + cell.text + (measure.kind === 'kept' ? ' %' : '');
        }
      }
      return cell;
    }

    function draw() {
      var block = all.segments[chosen ? +chosen.value : 0];
      var measure = all.measures[+figure.querySelector('input:checked').value];
      var cells = [], most = 0;
      all.cohorts.forEach(function (_, row) {
        cells.push(all.ages.map(function (_, age) {
          var cell = shown(measure, block, row, age);
          var counts = cell && cell.value !== null && !cell.begun && (age > 0 || measure.kind === 'total' || measure.kind === 'each');
          if (counts) { most = Math.max(most, cell.value); }
          return cell;
        }));
      });
      var share = measure.kind === 'percent' || measure.kind === 'kept';
      if (measure.kind === 'percent') { most = Math.max(1, Math.ceil((most || 1000) / 100)) * 100; }
      var held = document.activeElement;
      each(rows, function (line, row) {
        line.children[1].textContent = grouped(block.s[row]);
        cells[row].forEach(function (cell, age) {
          var td = line.children[age + 2];
          if (!cell) {
            td.textContent = ''; td.className = '';
            ['data-cell', 'aria-label', 'tabindex'].forEach(function (name) { td.removeAttribute(name); });
            return;
          }
          td.textContent = cell.text;
          td.className = cell.value === null ? '' :
            'h' + (most > 0 ? Math.min(9, Math.max(0, Math.floor(cell.value * 9 / most))) : 0) + (cell.begun ? ' p' : '');
          td.setAttribute('data-cell', '');
          td.setAttribute('aria-label', cell.label);
          td.setAttribute('tabindex', '-1');
        });
      });
      each(all.ages, function (_, age) {
        var point = block.t[age], td = pooled.children[age + 2];
        var kept = measure.kind === 'kept' && block.v ? block.v[measure.currency].p[age] : null;
        td.textContent = point && measure.kind === 'percent' ? tenths(point[0]) : kept === null || kept === undefined ? '' : tenths(kept);
      });
      var anchor = held && held.hasAttribute && held.hasAttribute('data-cell') ? held : figure.querySelector('[data-cell]');
      if (anchor) { anchor.setAttribute('tabindex', '0'); }
      figure.querySelector('.scale .from').textContent = share ? '0 %' : '0';
      figure.querySelector('.scale .to').textContent = (share ? (most % 10 ? tenths(most) : most / 10) + ' %' : measure.kind === 'counts' ? grouped(most) : money(most)) +
        (measure.kind === 'percent' && most < 1000 || measure.kind === 'counts' ? ' and more' : '');
      caption.textContent = (measure.kind === 'percent' ? shares : measure.name + ', by cohort and age in ' + all.unit + 's. Hatched: in progress.') +
        (chosen && +chosen.value ? ' Of ' + block.n + '.' : '');
      if (!first) { says.textContent = measure.name + (chosen ? ', ' + block.n : '') + ' shown'; }
      first = false;
      each(document.querySelectorAll('svg[data-follows="' + figure.dataset.heat + '"]'), function (svg) { curves(svg, all, block); });
    }
    figure.addEventListener('change', draw);
    figure.querySelector('.switches').hidden = false;
    draw();
    var scroll = figure.querySelector('.scroll');
    // Its cells can be focused now.
    scroll.removeAttribute('tabindex');
    figure.querySelector('.hint').hidden = scroll.scrollWidth <= scroll.clientWidth + 2;
  }

  // An axis with round steps, as the file's own pictures have it.
  function axis(least, most, steps) {
    if (most <= least) { most = least + 1; }
    var span = most - least, power = Math.pow(10, Math.floor(Math.log10(span / steps)));
    var step = [1, 2, 5, 10].map(function (n) { return n * power; }).filter(function (n) { return span / n <= steps; })[0] || power;
    var from = Math.floor(least / step) * step;
    return { from: from, to: Math.max(Math.ceil(most / step) * step, from + step), step: step };
  }
  function axisText(n) {
    var unit = [[1e9, 'B'], [1e6, 'M'], [1e4, 'k']].filter(function (one) { return Math.abs(n) >= one[0]; })[0];
    var scaled = unit ? n / (unit[1] === 'k' ? 1e3 : unit[0]) : n;
    return String(+scaled.toFixed(2)).replace('-', '−') + (unit ? unit[1] : '');
  }
  function add(to, name, attributes, text) {
    var element = document.createElementNS(SVG, name);
    Object.keys(attributes).forEach(function (key) { element.setAttribute(key, attributes[key]); });
    if (text !== undefined) { element.textContent = text; }
    to.appendChild(element);
  }
  function ticks(marks, plot, scale, y, text, zero) {
    marks.textContent = '';
    for (var k = 0; k <= Math.round((scale.to - scale.from) / scale.step); k += 1) {
      var tick = scale.from + k * scale.step, line = Math.abs(tick) < scale.step / 2 ? zero : 'grid';
      add(marks, 'line', { 'class': line, x1: plot[0], x2: plot[0] + plot[2], y1: y(tick), y2: y(tick) });
      add(marks, 'text', { 'class': 'tick end', x: plot[0] - 8, y: y(tick) + 4 }, text(tick));
    }
  }

  // Curves of the segment that the map shows.
  function curves(svg, all, block) {
    var plot = svg.dataset.plot.split(' ').map(Number), skip = +svg.dataset.skip, step = plot[2] / (all.ages.length - skip);
    var most = 0;
    function rate(row, age) {
      var retained = block.r[row][age], begun = block.p[row].some(function (one) { return one[0] === age; });
      return retained === undefined || retained === null || begun ? null : permille(retained, block.s[row]);
    }
    var rates = all.cohorts.map(function (_, row) { return all.ages.map(function (_, age) { return rate(row, age); }); });
    // Ages that few members have lived are left out, unless all are such.
    var enough = block.t.some(function (point) { return point && point[3] >= 10; });
    var seen = block.t.map(function (point) { return point && (point[3] >= 10 || !enough) ? point : null; });
    var pooled = seen.map(function (point) { return point ? point[0] : null; });
    var highs = seen.map(function (point) { return point ? Math.max(point[0], point[2]) : null; });
    rates.concat([highs]).forEach(function (line) { line.slice(skip).forEach(function (n) { most = Math.max(most, n || 0); }); });
    var scale = axis(0, most / 1000, 5);
    function x(age) { return (plot[0] + step * (age - skip + 0.5)).toFixed(1); }
    function at(n) { return plot[1] + plot[3] - n / scale.to * plot[3]; }
    function y(n) { return at(Math.min(n / 1000, scale.to)).toFixed(1); }
    ticks(svg.querySelector('.marks'), plot, scale, at, function (n) { return axisText(n * 100) + ' %'; }, 'grid');
    function path(points) {
      var down = false;
      return points.map(function (n, age) {
        var had = down;
        down = n !== null && age >= skip;
        return down ? (had ? 'L' : 'M') + x(age) + ' ' + y(n) : '';
      }).join('');
    }
    var lines = svg.querySelectorAll('.behind path');
    each(lines, function (line, row) { line.setAttribute('d', path(rates[rates.length - lines.length + row])); });
    svg.querySelector('.front .line').setAttribute('d', path(pooled));
    var known = seen.map(function (point, age) { return point && age >= skip ? [age, point[1], point[2]] : null; }).filter(Boolean);
    var above = known.map(function (p) { return x(p[0]) + ' ' + y(p[2]); });
    var below = known.reverse().map(function (p) { return x(p[0]) + ' ' + y(p[1]); });
    var band = svg.querySelector('.front .band');
    if (band) { band.setAttribute('d', known.length ? 'M' + above.concat(below).join('L') : ''); }
    each(svg.querySelectorAll('.place'), function (place, column) {
      var age = column + skip, point = block.t[age];
      place.setAttribute('aria-label', 'Age ' + all.ages[age] + ': ' + (point ?
        tenths(point[0]) + ' % retained (' + all.level + ' % interval ' + tenths(point[1]) + ' to ' + tenths(point[2]) + ' %); of ' +
        grouped(point[3]) + ' exposed, in ' + grouped(point[4]) + ' cohorts' : 'nobody has lived it') +
        (all.segments[0] === block ? '' : '; ' + block.n));
    });
  }

  // Stacked bars of a segment.
  function bars(figure) {
    var all = data(figure.dataset.barsOf), chosen = figure.querySelector('select');
    function number(n) { return all.cents ? money(Math.round(n * 100)) : grouped(Math.round(n)); }
    function sum(values, side) {
      return values.reduce(function (total, n, k) { return total + (all.series[k].side === side ? n : 0); }, 0);
    }
    function draw() {
      var stack = all.stacks[+chosen.value], most = 0, least = 0;
      stack.v.forEach(function (values) { most = Math.max(most, sum(values, 'up')); least = Math.min(least, -sum(values, 'down')); });
      var scale = axis(least, most, 5);
      each(figure.querySelectorAll('svg[data-bars]'), function (svg) {
        var plot = svg.dataset.plot.split(' ').map(Number), marks = svg.querySelector('.marks');
        function y(n) { return plot[1] + plot[3] - (n - scale.from) / (scale.to - scale.from) * plot[3]; }
        ticks(marks, plot, scale, y, axisText, 'zero');
        var width = plot[2] / all.periods.length;
        stack.v.forEach(function (values, place) {
          var up = 0, down = 0;
          values.forEach(function (n, k) {
            if (n <= 0) { return; }
            var rises = all.series[k].side === 'up', top = rises ? y(up + n) : y(-down), bottom = rises ? y(up) : y(-down - n);
            if (rises) { up += n; } else { down += n; }
            add(marks, 'rect', { 'class': all.series[k]['class'] + (all.begun[place] ? ' begun' : ''), x: plot[0] + width * (place + 0.14), y: top,
              width: width * 0.72, height: bottom - top });
          });
        });
        each(svg.querySelectorAll('.place'), function (one, place) {
          var parts = all.series.map(function (series, k) { return series.name + ' ' + number(stack.v[place][k]) + all.unit; });
          one.setAttribute('aria-label', all.periods[place] + (all.begun[place] ? ' (in progress)' : '') + ': ' + parts.join(', ') +
            (+chosen.value ? '; ' + stack.n : ''));
        });
      });
    }
    chosen.addEventListener('change', draw);
    figure.querySelector('.switches').hidden = false;
  }

  // The latest periods stand at the right.
  each(document.querySelectorAll('#figures .scroll'), function (all) { all.scrollLeft = all.scrollWidth; });
  each(document.querySelectorAll('[data-heat]'), heat);
  each(document.querySelectorAll('[data-bars-of]'), bars);
}());
