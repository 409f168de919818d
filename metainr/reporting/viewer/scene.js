/* The surface and the cameras, drawn by WebGL 2. */
/** The arrays that packing.py put into a mesh: differences become numbers again. */
async function unpacked(mesh) {
  const bytes = Uint8Array.from(atob(mesh.bytes), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const buffer = await new Response(stream).arrayBuffer();
  const faces = new Uint32Array(buffer, 0, 3 * mesh.triangles);
  const places = new Uint16Array(buffer, faces.byteLength, 3 * mesh.vertices);
  const colours = new Uint8Array(buffer, faces.byteLength + places.byteLength);
  for (const [array, step] of [[faces, 1], [places, 3], [colours, 3]]) {
    for (let i = step; i < array.length; i++) array[i] += array[i - step];
  }
  return { faces, places, colours };
}

const SOLID = [`#version 300 es
in vec3 place, colour;
uniform mat4 view;
uniform vec3 low;
uniform float size;
out vec3 at, paint;
void main() { at = low + size * place; paint = colour; gl_Position = view * vec4(at, 1); }`,
`#version 300 es
precision highp float;
in vec3 at, paint;
uniform vec3 eye;
uniform float shading;
out vec4 pixel;
void main() {
  float lit = abs(dot(normalize(cross(dFdx(at), dFdy(at))), normalize(eye - at)));
  pixel = vec4(paint * mix(1.0, 0.45 + 0.6 * lit, shading), 1);
}`];
const FLAT = [`#version 300 es
in vec3 place, colour;
uniform mat4 view;
out vec3 paint;
void main() { paint = colour; gl_Position = view * vec4(place, 1); }`,
`#version 300 es
precision highp float;
in vec3 paint;
uniform sampler2D sheet;
uniform bool pictured;
out vec4 pixel;
void main() { pixel = pictured ? texture(sheet, paint.xy) : vec4(paint, 1); }`];

function program(gl, sources) {
  const made = gl.createProgram();
  sources.forEach((source, i) => {
    const shader = gl.createShader([gl.VERTEX_SHADER, gl.FRAGMENT_SHADER][i]);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(made, shader);
  });
  ["place", "colour"].forEach((name, i) => gl.bindAttribLocation(made, i, name));
  gl.linkProgram(made);
  if (!gl.getProgramParameter(made, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(made));
  return { made, of: (name) => gl.getUniformLocation(made, name) };
}

/** Vertices in the device's memory: two arrays of threes, and which of them make triangles. */
function vertices(gl, places, colours, faces) {
  const array = gl.createVertexArray();
  gl.bindVertexArray(array);
  [places, colours].forEach((values, i) => {
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, values, gl.STATIC_DRAW);
    const kind = { Uint16Array: gl.UNSIGNED_SHORT, Uint8Array: gl.UNSIGNED_BYTE }[values.constructor.name];
    gl.enableVertexAttribArray(i);
    gl.vertexAttribPointer(i, 3, kind || gl.FLOAT, true, 0, 0);
  });
  if (faces) {
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, faces, gl.STATIC_DRAW);
  }
  return { array, count: (faces || places).length / (faces ? 1 : 3) };
}

/** Pyramids as lines, and photographs as two triangles each with their places on the sheet. */
function pyramids(gl, photographs) {
  const lines = [[], []], pictures = [[], []];
  const rows = Math.ceil(photographs.count / photographs.columns);
  photographs.points.forEach((points, i) => {
    for (const pair of [[0, 1], [0, 2], [0, 3], [0, 4], [1, 2], [2, 3], [3, 4], [4, 1]]) {
      for (const corner of pair) {
        lines[0].push(...points[corner]);
        lines[1].push(...INKS[i < photographs.seen ? 0 : 1]);
      }
    }
    const [column, row] = [i % photographs.columns, Math.floor(i / photographs.columns)];
    for (const [corner, x, y] of [[1, 0, 0], [2, 1, 0], [3, 1, 1], [1, 0, 0], [3, 1, 1], [4, 0, 1]]) {
      pictures[0].push(...points[corner]);
      pictures[1].push((column + x) / photographs.columns, (row + y) / rows, 0);
    }
  });
  return [lines, pictures].map((arrays) => vertices(gl, ...arrays.map((x) => new Float32Array(x))));
}

function texture(gl, source, done) {
  const image = new Image();
  image.onload = () => {
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGB, gl.RGB, gl.UNSIGNED_BYTE, image);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
    for (const side of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, side, gl.CLAMP_TO_EDGE);
    done();
  };
  image.src = source;
}

async function showScene({ mesh, photographs }) {
  const canvas = byId("scene"), gl = canvas.getContext("webgl2", { antialias: true, alpha: true });
  if (!gl || !window.DecompressionStream) {
    byId("told").textContent = "This browser draws no WebGL 2; the mesh is in its own file.";
    return;
  }
  const solid = program(gl, SOLID), flat = program(gl, FLAT);
  const arrays = mesh && (await unpacked(mesh));
  const surface = arrays && vertices(gl, arrays.places, arrays.colours, arrays.faces);
  const [lines, pictures] = photographs ? pyramids(gl, photographs) : [];
  let isPictured = false, isAsked = false;

  const eyes = photographs ? photographs.points.map((points) => points[0]) : [];
  const target = mesh ? mesh.low.map((x, i) => x + mesh.size / 2 * extent(arrays, i)) : [0, 0, 0];
  const far = eyes.length ? Math.max(...eyes.map((eye) => Math.hypot(...add(eye, target, -1)))) : 0;
  const span = mesh ? mesh.size : far;
  const up = unit(photographs ? photographs.up : [0, 0, 1]);
  const level = Math.abs(up[0]) < 0.9 ? [1, 0, 0] : [0, 1, 0];
  const side = unit(add(level, up, -dot(up, level)));
  const axes = [side, cross(up, side), up];
  const home = { yaw: -1.1, pitch: 0.4, distance: 1.9 * span, target };
  let now = { ...home };

  function drawn() {
    isAsked = false;
    const ratio = window.devicePixelRatio || 1;
    canvas.width = Math.max(1, Math.round(canvas.clientWidth * ratio));
    canvas.height = Math.max(1, Math.round(canvas.clientHeight * ratio));
    const level = [Math.cos(now.yaw), Math.sin(now.yaw)].map((x) => x * Math.cos(now.pitch));
    const back = [...level, Math.sin(now.pitch)].reduce((sum, x, i) => add(sum, axes[i], x), [0, 0, 0]);
    const right = unit(cross(up, back)), above = cross(back, right);
    const eye = add(now.target, back, now.distance);
    const scale = 1 / Math.tan(FIELD / 2), [near, end] = [now.distance / 100, now.distance + 3 * (span + far)];
    const rows = [
      [right, (scale * canvas.height) / canvas.width], [above, scale],
      [back, -(end + near) / (end - near)], [back, -1],
    ].map(([axis, factor]) => [...axis.map((x) => x * factor), -factor * dot(axis, eye)]);
    rows[2][3] -= (2 * end * near) / (end - near);
    const view = [0, 1, 2, 3].flatMap((i) => rows.map((row) => row[i]));

    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.enable(gl.DEPTH_TEST);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    if (surface) {
      gl.useProgram(solid.made);
      gl.uniformMatrix4fv(solid.of("view"), false, view);
      gl.uniform3fv(solid.of("low"), mesh.low);
      gl.uniform1f(solid.of("size"), mesh.size);
      gl.uniform3fv(solid.of("eye"), eye);
      gl.uniform1f(solid.of("shading"), byId("shading").checked ? 1 : 0);
      gl.bindVertexArray(surface.array);
      gl.drawElements(gl.TRIANGLES, surface.count, gl.UNSIGNED_INT, 0);
    }
    if (lines && byId("cameras").checked) {
      gl.useProgram(flat.made);
      gl.uniformMatrix4fv(flat.of("view"), false, view);
      for (const [shape, kind, pictured] of [[lines, gl.LINES, 0], [pictures, gl.TRIANGLES, 1]]) {
        if (pictured && !isPictured) continue;
        gl.uniform1i(flat.of("pictured"), pictured);
        gl.bindVertexArray(shape.array);
        gl.drawArrays(kind, 0, shape.count);
      }
    }
    canvas.dataset.drawn = Number(canvas.dataset.drawn || 0) + 1;
  }

  function draw() {
    if (!isAsked) requestAnimationFrame(drawn);
    isAsked = true;
  }

  function lookFrom(eye) {
    const back = add(eye, now.target, -1), distance = Math.hypot(...back);
    const [x, y, z] = axes.map((axis) => dot(axis, back) / distance);
    now = { ...now, yaw: Math.atan2(y, x), pitch: Math.asin(clamp(z, -1, 1)), distance };
    draw();
  }

  draggable(canvas, (dx, dy, event) => {
    const turn = 4 / canvas.clientHeight;
    if (event.shiftKey) {
      const step = (now.distance * FIELD) / canvas.clientHeight;
      const right = add(axes[0].map((x) => -x * Math.sin(now.yaw)), axes[1], Math.cos(now.yaw));
      now.target = add(add(now.target, right, -dx * step), up, dy * step);
    } else {
      now.yaw -= dx * turn;
      now.pitch = clamp(now.pitch + dy * turn, -1.5, 1.5);
    }
    draw();
  }, (factor) => {
    now.distance = clamp(now.distance * factor, span / 20, 20 * (span + far));
    draw();
  });
  for (const id of ["cameras", "shading"]) byId(id).addEventListener("change", draw);
  for (const [id, distance] of [["object", home.distance], ["all", Math.max(home.distance, 2.9 * far)]]) {
    byId(id).addEventListener("click", () => { now = { ...home, distance }; draw(); });
  }
  new ResizeObserver(draw).observe(canvas);
  if (photographs) {
    texture(gl, photographs.sheet, () => { isPictured = true; draw(); });
    listPhotographs(photographs, (i) => lookFrom(eyes[i]));
  }
  draw();
}

/** The mesh's middle along an axis, in halves of its longest side. */
function extent({ places }, axis) {
  let most = 0;
  for (let i = axis; i < places.length; i += 3) most = Math.max(most, places[i]);
  return most / 65535;
}

if (data.renders) turnRenders(data.renders);
showScene(data);
