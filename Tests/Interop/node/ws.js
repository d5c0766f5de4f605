'use strict';

// ws, from where NODE_PATH leads, or from where Debian's package node-ws puts it.

function load() {
  try {
    return require('ws');
  } catch (error) {
    if (error.code !== 'MODULE_NOT_FOUND') throw error;
    return require('/usr/share/nodejs/ws');
  }
}

module.exports = load();
